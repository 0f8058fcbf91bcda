#!/usr/bin/env bash
# govaluate never matches a day that is given as text, and takes two different card numbers as equal.
#
# Packages: github.com/Knetic/govaluate v3.0.0 (Go), github.com/expr-lang/expr v1.17.8 for comparison.
# Expected: day == '2026-11-29' is true when day is "2026-11-29"; int64 values are compared exactly.
# Happens:  a literal that looks like a date becomes a Unix time, a variable stays text, so they are never equal,
#           without an error. All numbers become float64: cards ...001 and ...002 of 19 digits are equal.
# Matters:  a rule for one day never fires; a rule for one card fires for its neighbours.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'GO'
module finding

go 1.26

require (
	github.com/Knetic/govaluate v3.0.0+incompatible
	github.com/expr-lang/expr v1.17.8
)
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/Knetic/govaluate"
	"github.com/expr-lang/expr"
)

func main() {
	event := map[string]any{"day": "2026-11-29", "card": int64(6222020000000000002)}
	for _, c := range []struct {
		rule            string
		govaluate, expr bool
	}{{"day == '2026-11-29'", false, true}, {"card == 6222020000000000001", true, false}} {
		parsed, err := govaluate.NewEvaluableExpression(c.rule)
		if err != nil {
			panic(err)
		}
		one, _ := parsed.Evaluate(event)
		two, _ := expr.Eval(c.rule, event)
		fmt.Printf("%s with %v: govaluate v3.0.0 %v, expr v1.17.8 %v\n", c.rule, event, one, two)
		if one != c.govaluate || two != c.expr {
			os.Exit(1)
		}
	}
}
GO
go mod tidy 2> go.log
go run .
