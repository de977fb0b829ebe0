// The load that Go's net/http makes in the benches: URL CALLS IN_FLIGHT. JSON both ways; prints CPU
// microseconds per request, after as many requests to warm up.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type record struct {
	Active bool    `json:"active"`
	Amount float64 `json:"amount"`
	Email  string  `json:"email"`
	ID     int64   `json:"id"`
	Name   string  `json:"name"`
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "net_http:", err)
		os.Exit(1)
	}
}

// A call as a client of an unknown vendor makes it: the answer becomes a map.
func call(client *http.Client, url string) {
	body, err := json.Marshal(record{true, 12.5, "ren@example.com", 7519, "Lin Ren"})
	check(err)
	req, err := http.NewRequest("POST", url, bytes.NewReader(body))
	check(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("X-Api-Key", "00000000-0000-4000-8000-000000000000")
	res, err := client.Do(req)
	check(err)
	data, err := io.ReadAll(res.Body)
	check(err)
	res.Body.Close()
	var answer map[string]any
	check(json.Unmarshal(data, &answer))
	if answer["id"] != 7519.0 {
		check(fmt.Errorf("unexpected answer"))
	}
}

func run(client *http.Client, url string, calls, inFlight int) {
	var wait sync.WaitGroup
	var done atomic.Int64
	for i := 0; i < inFlight; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for done.Add(1) <= int64(calls) {
				call(client, url)
			}
		}()
	}
	wait.Wait()
}

func cpu() int64 {
	var used syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return used.Utime.Nano() + used.Stime.Nano()
}

func main() {
	url := os.Args[1]
	calls, err := strconv.Atoi(os.Args[2])
	check(err)
	inFlight, err := strconv.Atoi(os.Args[3])
	check(err)
	client := &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight},
		Timeout:   time.Minute,
	}
	run(client, url, calls, inFlight)
	before := cpu()
	run(client, url, calls, inFlight)
	fmt.Printf("%.2f\n", float64(cpu()-before)/1e3/float64(calls))
}
