#!/usr/bin/env bash
# The same CEL rule holds in Go, fails in Python, and `true < 2` is true in Python only.
#
# Packages: cel-python 0.5.0 (PyPI), cel.dev/cel-go v0.33.2 (Go).
# Expected: CEL is a specified language, so a rule gives one answer in every implementation.
# Happens:  an amount of 1000.0 (as JSON numbers arrive) compared with the literal 1000: cel-go says equal,
#           cel-python raises "no such overload" for ==, != and in, yet accepts < and >. cel-python orders a
#           boolean below 2, where cel-go refuses to compile; string(1.0) is '1.0' in one and '1' in the other.
# Matters:  a rule tested in one language is an error in the other, and an error in a rule often means "no match".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check cel-python==0.5.0
cat > rules.txt <<'TXT'
amount == 1000
amount in [1000]
amount < 1001
true < 2
string(1.0)
TXT
cat > rules.py <<'PY'
import celpy

environment = celpy.Environment()
for rule in open("rules.txt"):
    try:
        program = environment.program(environment.compile(rule.strip()))
        print(str(program.evaluate({"amount": celpy.json_to_cel(1000.0)})).lower())
    except celpy.CELEvalError:
        print("error")
PY
cat > go.mod <<'GO'
module finding

go 1.26

require cel.dev/cel-go v0.33.2
GO
cat > main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"os"

	"cel.dev/cel-go/cel"
)

func evaluate(rule string) any {
	environment, _ := cel.NewEnv(cel.Variable("amount", cel.DynType))
	tree, issues := environment.Compile(rule)
	if issues.Err() != nil {
		return "error"
	}
	program, _ := environment.Program(tree)
	value, _, err := program.Eval(map[string]any{"amount": 1000.0})
	if err != nil {
		return "error"
	}
	return value.Value()
}

func main() {
	file, _ := os.Open("rules.txt")
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fmt.Println(evaluate(lines.Text()))
	}
}
GO
go mod tidy 2> go.log
env/bin/python rules.py > python.txt
go run . > go.txt 2>> go.log
echo "rule, cel-python 0.5.0, cel-go v0.33.2:"
paste -d'|' rules.txt python.txt go.txt
diff <(printf 'error\nerror\ntrue\ntrue\n1.0\n') python.txt
diff <(printf 'true\ntrue\ntrue\nerror\n1\n') go.txt
