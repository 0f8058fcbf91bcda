#!/usr/bin/env bash
# Redis clients send an INCR again when its answer was lost: one call is counted twice.
#
# Packages: redis 8.1.0 (Python), ioredis 6.0.0 and redis 6.3.1 (npm), go-redis v9.23.0, redigo v1.9.3, rueidis v1.0.79 (Go).
# Expected: a write whose connection breaks before the answer raises an error; the caller decides what to do.
# Happens:  at their defaults redis-py, ioredis and go-redis send the command again without a word. With one
#           lost answer the counter is 2, with three lost answers it is 4, and the caller sees a plain success.
#           node-redis, redigo and rueidis report the broken connection, and the counter is 1.
# Matters:  counts, velocities and budgets kept by INCR, INCRBY, LPUSH or a script with an effect grow by network
#           faults. Writes have to be idempotent, or the client has to be told not to repeat them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

# A server that counts increments and closes the connection instead of answering the first CUTS of them.
cat > server.py <<'PY'
import socketserver
import sys
import threading

count, cuts = 0, int(sys.argv[1])


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        global count, cuts
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length))
                self.rfile.read(2)
            command = words[0].upper()
            if command in (b"INCR", b"INCRBY"):
                count += 1
                if cuts > 0:
                    cuts -= 1
                    return
                self.wfile.write(b":%d\r\n" % count)
            elif command == b"INFO":
                text = b"redis_version:7.0.0\r\nloading:0\r\n"
                self.wfile.write(b"$%d\r\n%s\r\n" % (len(text), text))
            elif command in (b"HELLO", b"CLUSTER"):
                self.wfile.write(b"-ERR unknown command '%s'\r\n" % command)
            else:
                self.wfile.write(b"+OK\r\n")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


with Server(("127.0.0.1", 0), Handler) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.readline()
    print(count, flush=True)
PY

python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check redis==8.1.0
cat > client.py <<'PY'
import sys
import redis

print(redis.Redis(port=int(sys.argv[1]), protocol=2).incr("calls"))
PY

npm init --yes > npm.log
npm install --silent --no-fund --no-audit ioredis@6.0.0 redis@6.3.1 >> npm.log
cat > client.cjs <<'JS'
const [name, port] = [process.argv[2], Number(process.argv[3])];
(async () => {
  if (name === "ioredis") {
    const client = new (require("ioredis"))({ port });
    client.on("error", () => {});
    console.log(await client.incr("calls"));
  } else {
    const client = require("redis").createClient({ socket: { port, host: "127.0.0.1" }, RESP: 2 });
    client.on("error", () => {});
    await client.connect();
    console.log(await client.incr("calls"));
  }
  process.exit(0);
})().catch((error) => { console.log("error:", error.message); process.exit(0); });
JS

cat > go.mod <<'GO'
module finding

go 1.26

require (
	github.com/gomodule/redigo v1.9.3
	github.com/redis/go-redis/v9 v9.23.0
	github.com/redis/rueidis v1.0.79
)
GO
cat > main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"os"

	redigo "github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

func main() {
	address := "127.0.0.1:" + os.Args[2]
	var answer any
	var err error
	switch os.Args[1] {
	case "go-redis":
		answer, err = goredis.NewClient(&goredis.Options{Addr: address, Protocol: 2}).Incr(context.Background(), "calls").Result()
	case "redigo":
		connection, failed := redigo.Dial("tcp", address)
		if failed != nil {
			panic(failed)
		}
		answer, err = connection.Do("INCR", "calls")
	case "rueidis":
		client, failed := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{address}, DisableCache: true, AlwaysRESP2: true})
		if failed != nil {
			panic(failed)
		}
		answer, err = client.Do(context.Background(), client.B().Incr().Key("calls").Build()).ToInt64()
	}
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println(answer)
}
GO
go mod tidy 2> go.log && go build -o client . 2>> go.log

run() { # name, lost answers, counter that is expected, command
    local name=$1 cuts=$2 expected=$3
    shift 3
    coproc SERVER { python3 server.py "$cuts"; }
    local port count answer
    read -r port <&"${SERVER[0]}"
    answer=$(timeout 60 "$@" "$port" 2>/dev/null)
    echo >&"${SERVER[1]}"
    read -r count <&"${SERVER[0]}"
    wait "$SERVER_PID"
    echo "$name, $cuts lost: answer '$answer', counter $count"
    [[ $count == "$expected" ]]
}
for cuts in 1 3; do
    run "redis-py 8.1.0" $cuts $((cuts + 1)) env/bin/python client.py
    run "ioredis 6.0.0" $cuts $((cuts + 1)) node client.cjs ioredis
    run "go-redis v9.23.0" $cuts $((cuts + 1)) ./client go-redis
    run "node-redis 6.3.1" $cuts 1 node client.cjs node-redis
    run "redigo v1.9.3" $cuts 1 ./client redigo
    run "rueidis v1.0.79" $cuts 1 ./client rueidis
done
