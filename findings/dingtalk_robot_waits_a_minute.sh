#!/usr/bin/env bash
# The DingTalk robot library holds the twentieth message of a minute, and the thread that sends it, for a minute.
#
# Packages: DingtalkChatbot 1.5.7.
# Expected: a message past the service's limit of 20 a minute is sent and refused, or raises at once.
# Happens:  send_text() counts calls and sleeps for up to 60 seconds in the caller's thread before the twentieth
#           message already; nothing but a debug line says so.
# Matters:  a burst of warnings, which is when it matters, stops the sender for a minute; leases, acknowledgements
#           and heartbeats of that thread run out, and the same warning is sent by another worker as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check DingtalkChatbot==1.5.7
env/bin/python - <<'PY'
import http.server
import threading
from importlib.metadata import version
from unittest import mock

from dingtalkchatbot.chatbot import DingtalkChatbot


class Robot(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b'{"errcode": 0, "errmsg": "ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Robot)
threading.Thread(target=server.serve_forever, daemon=True).start()
robot = DingtalkChatbot(f"http://127.0.0.1:{server.server_port}/robot/send?access_token=made-up")
sent, waits = 0, []
with mock.patch("dingtalkchatbot.chatbot.time.sleep", side_effect=waits.append):
    while not waits and sent < 40:
        robot.send_text(msg="test")
        sent += 1
print(f"DingtalkChatbot {version('DingtalkChatbot')}: message {sent} would wait {waits} s")
assert sent == 20 and waits[0] >= 55
PY
