--- The manual of the command line: `neap help TOPIC`.

local M = {}

local function topic(name, summary, text, aliases)
    M[#M + 1] = { name = name, summary = summary, aliases = aliases, text = text }
end

topic("workflow", "how a workflow script is written", [==[
A workflow is a Lua script that returns a description and a function:

  return neap.workflow {
      summary = "Import an audience file into OmniSegment",
      args = {
          { "file", type = "path", required = true, doc = "CSV with a header row, or NDJSON" },
      },
      run = function(ctx, args)
          local omni = ctx:vendor "omnisegment"
          return ctx:deliver(neap.records(args.file, omni.import_audience.data), function(row)
              return omni:import_audience { data = row }
          end)
      end,
  }

Every arg is an option of `neap run`: merge_key is --merge-key VALUE, a boolean x is --x or --no-x,
a list repeats. `neap run SCRIPT --help` shows them. A script that returns no workflow has simply
run.

Calls look synchronous and wait without blocking. A call that fails as calls do returns nil and an
error; assert(call()) raises it. ctx:deliver takes every record of a source through the function, at
most --concurrency at once, in order per key, and keeps the outcome of each.

What `run` returns sets the exit code: a delivery's summary 0 or 3, nil and an error 1; any other
value is printed as JSON.]==], { "workflows", "script", "scripts" })

topic("handlers", "how a script that answers HTTP requests is written", [==[
A handler file is a Lua script that returns a function of the request. The same file runs under
`neap serve` and in nginx (csrc/hosts/nginx/README.md):

  local opm = neap.vendor "opm"
  return function(req)
      if req.path ~= "/hook" then return { status = 404, body = { error = "not found" } } end
      local event, err = req:json()
      if not event then return { status = 400, body = { error = err.message } } end
      return { status = 200, headers = { ["X-Seen"] = "1" }, body = { id = event.id } }
  end

req has method, path (decoded), target (as sent), query, args (name -> value), args_list (name ->
values), headers (lower-case name -> value), header "Any-Case", body, json(), client and scheme.

It returns a text, or { status =, headers =, body = }; the body is a text, a table, which is sent as
JSON, or a function(write) that sends it in pieces: write(text) waits while the client is slow. nil
is 204. nil and an error, or a raised error, is 500 with an id that is in the log with the reason;
the client sees no more than the id.

Each request is a task of its own: calls wait without blocking the others. When the client leaves,
or ends its sending side before its answer is complete, its task is cancelled. neap.background(fn,
...) starts work that goes on behind the answer.

A handler with settings of its own returns a description:

  return neap.handler {
      summary = "Receives orders",
      settings = { { "shop_key", type = "secret", required = true, doc = "signs each request" } },
      open = function(settings)
          return function(req) return "ok" end
      end,
  }

They come from --set shop_key=env:SHOP_KEY or from NEAP_SHOP_KEY; a script without a description
asks neap.setting "name" and neap.secret "name". `require` finds modules beside the script.

`neap serve FILE` opens the script before it listens, so that what is wrong with it is told at once.
With --log-level debug there is a line for each request. --time-limit and --memory-limit bound what
the script computes at one stroke and holds, as neap_time_limit and neap_memory_limit in nginx.]==],
    { "handler", "serving" })

topic("webhooks", "how a handler knows who sent a request, and whether it came before", [==[
neap.webhook takes the requests that are signed with a secret, and answers all others:

  local hook = neap.webhook { scheme = "hub", secret = neap.secret "hub_key", once = true }
  return hook:handler(function(req, event)
      return { status = 202 }                       -- event: the JSON body, decoded
  end)

  scheme        what is signed                              fields
  standard      Standard Webhooks: id.timestamp.body        tolerance = "5m", header = "webhook"
  hub           x-hub-signature: algorithm=hash             algorithm = "sha256", header
  omnisegment   X-Omnisegment-Signature: the sorted body    header
  optimove      x-optimove-signature-content                header
  path          nothing: a segment of the path is the       path = "/hooks/{secret}/events"
                secret; default the last one

secret may be a list: any of its secrets will do while one takes another's place. hub takes the
algorithms of its list only, the preferred one first.

once = true (a day) or "2h": an event is handled once, whatever its sender repeats, by all processes
of the user. It counts as handled when the function has returned without an error and with no status
from 400 on. Events are the same by the sender's id (standard), by id = function(event, req), else
by their bodies. name = "..." keeps what came while the secret changes.

The answers are 400 (malformed), 401 (not signed, or too old), 404 (path), 200 (handled before), 409
(being handled: the sender tries again) and 503 (no state file). hook:verify(req) leaves them to the
script: the event, or nil and an error with status. A path with the secret is *** in our log, not in
that of a server in front.]==], { "webhook", "hook", "hooks" })

topic("settings", "where a vendor's settings come from", [==[
A setting is taken from the first place that has it:

  --set VENDOR.SETTING=VALUE       neap call opm ping --set opm.api_key=env:OPM_KEY
  NEAP_<VENDOR>_<SETTING>          NEAP_OMNISEGMENT_TID=OA-123456
  ./neap.lua                       return { omnisegment = { tid = "OA-123456" } }
  $XDG_CONFIG_HOME/neap/config.lua the same form
  the definition's default

`neap describe VENDOR` lists the settings of a vendor with their types, defaults and variables.
Every vendor has base_url, timeout, connections (per host) and jitter.

With --sandbox, settings that are missing get the sandbox's own values, and secrets are not read
from the environment or from files; a reference given by --set is read, so that a wrong key can be
tried.]==],
    { "setting", "configuration", "config" })

topic("secrets", "how keys and passwords are given, and kept", [==[
A secret is given by a reference, in --set, in a file or in its variable:

  env:NAME        the value of an environment variable
  file:PATH       the content of a file, without one newline at its end
  cmd:COMMAND     what a command prints, without one newline at its end

The secret itself is accepted only in its variable NEAP_<VENDOR>_<SETTING>; on the command line and
in files it is refused (exit code 2), since others could read it there.

A secret is sent to the vendor's own origin only, never follows a redirect to another one, and never
leaves unencrypted except to this machine. In logs, errors and --dry-run it is shown as ***. In what
the vendor answers it is, too, if it has 8 characters or more: a shorter one could be ordinary data.]==],
    { "secret", "credentials", "keys" })

topic("network", "certificates and proxies", [==[
https servers have to prove who they are. Neap believes the certificate authorities of the system, or
in their place those of a PEM file:

  SSL_CERT_FILE=/etc/neap/ca.pem   for servers with a certificate of your own authority

Proxies come from http_proxy, https_proxy and all_proxy; no_proxy lists hosts that are spoken to
directly, and this machine always is. A vendor's time-out counts the way through the proxy, too.]==],
    { "tls", "https", "certificates", "proxy" })

topic("state", "what runs share and keep", [==[
Sessions (the token of a login) and limits per minute, hour or day are shared by all runs of a user,
at the same time and one after the other. They are kept in one file that only the user can read:

  $XDG_STATE_HOME/neap/state.db    by default ~/.local/state/neap/state.db

So a second run needs no second login, and 2,000 calls an hour are 2,000 in all. Only vendors with a
session or such a limit touch the file. --no-state leaves it alone: the run then logs in by itself
and counts for itself. With --sandbox nothing is kept.

If the file cannot be used (locked, full, damaged, moved away, of a newer Neap), calls that need it
fail and say so. It may be deleted while no run is under way: what was counted is forgotten.]==],
    { "session", "sessions" })

topic("faults", "the faults that the sandbox makes on demand", [==[
--faults "KIND[@vendor[.endpoint]]:key=value,...", several joined by ";":

  503:p=0.05                             answers 503 to five of a hundred requests
  429@omnisegment:p=0.02                 the same with 429 and Retry-After, one vendor only
  reset:p=0.01                           takes effect, then drops the connection
  truncate:p=0.01                        takes effect, then cuts the answer short
  slow:p=0.02,s=1                        answers a second later
  outage:status=503,from=10,to=200       answers 503 to everything in a span of time
  expire@optimove:at=60                  ends every session at that time

KIND may be any status from 200 to 599. Times are seconds from the first request. p is the
probability, 1 when left out. The same --seed gives the same faults; --sandbox-log FILE writes one
JSON line per request: at, vendor, endpoint, method, path, status, fault. With --clock virtual the
waits of a run take no time.]==],
    { "fault", "sandbox-faults" })

topic("exit-codes", "what the exit codes mean", [==[
  0     done (a file with nothing but a header, too)
  1     vendor error, network, refused redirect; an error raised while running; a source that breaks
        in the middle; an unknown outcome of a call
  2     bad options or --set; a file, script, definition or parameter refused before any request
  3     a delivery ended, by itself or by an outage, with failed or unknown records
  4     a setting or credential is missing, or the vendor refused the credential
  130   SIGINT      the first signal stops reading and sending, lets requests under way answer for
  143   SIGTERM     up to 10 s, writes dead letters and summary; the second one stops at once
  129   SIGHUP      the same, where the terminal ends; under nohup it is ignored

A failure is one line on standard error, with --json {"error":{"kind":...,"message":...}}.]==],
    { "exit-code", "exit", "codes" })

topic("files", "record files and dead letters", [==[
Import recipes read --file PATH (- is standard input): CSV with a header row, or NDJSON where the
name ends in .ndjson or .jsonl. A CSV column a.b is a nested field; an empty cell is an absent field
unless --keep-empty; cells are converted by the declared type, lists and objects are JSON.

Faults of the file or its header stop before any call (exit code 2). A faulty row is a failed
record, and the run goes on (3). A file that cannot be read on ends the run after the records
before (1).

Dead letters: every record that was not delivered, one JSON object per line, written as it happens
to FILE.dead.ndjson (standard input: neap.dead.ndjson; records that come from a vendor: the first of
neap.dead.ndjson, neap.dead-2.ndjson, ... that is not there yet) or to --dead-letters PATH:

  {"record":{...},"line":17,"outcome":"rejected","error":{"kind":...,"status":...,"message":...},
   "attempts":[{"at":"2026-11-21T10:00:00.000Z","status":503,"wait":300}]}

outcome is not_sent (nothing reached the vendor), rejected (it answered no) or unknown (it may have
taken effect). wait is the seconds waited before that send. Import recipes accept such a file as
--file, so that what failed can be sent again.

Export recipes write --out PATH (- is standard output), NDJSON or CSV by its ending, whole or not at
all. Reports are saved as the vendor made them: --help of the recipe says in which form.]==],
    { "dead-letters", "dead-letter", "csv", "ndjson", "file" })

topic("definition", "how a vendor is described", [==[
A definition is a Lua table in NAME.lua, found in vendors/ beside the script, in ./vendors, in
$XDG_CONFIG_HOME/neap/vendors, then built in:

  return vendor.define "shop" {
      title    = "Shop API",
      settings = { { "api_key", type = "secret", required = true } },
      base_url = "https://api.shop.example",
      auth     = { key = auth.header { name = "X-Api-Key", secret = "api_key" } },
      limits   = { { rate = "10/s", per = "account" } },
      retry    = { { on = { 503 }, backoff = "constant", every = "5m", retries = 5 } },
      envelope = envelope.plain { message = "error" },
      endpoints = {
          put_order = {
              post = "/orders/{shop}", auth = "key", write = "idempotent", key = "order_id",
              params = {
                  { "shop", type = "string", required = true },
                  { "order_id", type = "id", required = true },
              },
          },
      },
  }

Loading it does no I/O; a wrong field is reported with file, line and the nearest name. call,
describe, list, --set and NEAP_SHOP_API_KEY work for it at once; sandbox/shop.lua beside it is its
simulator. `neap describe VENDOR.ENDPOINT` shows what a definition means.

write says whether a send may be repeated: read, idempotent, keyed (the vendor knows the key) or
unsafe. lua/README.md has the whole grammar.]==], { "definitions", "vendor", "vendors" })

topic("maps", "how records are renamed, cast and filled on their way", [==[
A map is a Lua file that returns a table: an entry for each field, in the order of the output.
Export recipes take it by --map FILE; the recipes in sync/ have theirs at the top.

  return {
      { "customer", from = "CustomerID" },                      -- another name
      { "email" },                                              -- the same name
      { "city", from = "address.city", default = "unknown" },   -- within an object; a default
      { "age", from = "Attributes", split = ";", at = 2, cast = "integer" },
      { "source", constant = "optimove" },
      { "name", with = function(record) return record.first .. " " .. record.last end },
      rest = true,                                              -- all other members, as they are
  }

A default stands in place of nothing, null and "". Casts are string, integer, number, boolean, date
and list. A value that does not fit is an error that names record, field and value. Without
functions a map runs in C.

It is checked before any call: names and types of both sides, where they are declared, and every
fault in one message.]==], { "map", "mapping" })

return M
