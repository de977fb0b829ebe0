"""The load that python-requests makes in the benches: URL CALLS IN_FLIGHT. JSON both ways, a session per
thread; prints CPU microseconds per request, after a tenth as many to warm up."""
import os
import sys
import threading

import requests

URL, CALLS, IN_FLIGHT = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
RECORD = {"active": True, "amount": 12.5, "email": "ren@example.com", "id": 7519, "name": "Lin Ren"}
HEADERS = {"Accept": "application/json", "X-Api-Key": "00000000-0000-4000-8000-000000000000"}


def work(session, calls):
    for _ in range(calls):
        answer = session.post(URL, json=RECORD, headers=HEADERS, timeout=60)
        assert answer.json()["id"] == 7519


def run(sessions, calls):
    threads = [threading.Thread(target=work, args=(s, calls // IN_FLIGHT)) for s in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


sessions = [requests.Session() for _ in range(IN_FLIGHT)]
for one in sessions:
    one.trust_env = False
run(sessions, max(CALLS // 10, IN_FLIGHT))
before = os.times()
run(sessions, CALLS)
after = os.times()
used = after.user + after.system - before.user - before.system
print("%.2f" % (used * 1e6 / (CALLS // IN_FLIGHT * IN_FLIGHT)))
