#!/usr/bin/env bash
# go-money turns 19.99 into 1998 cents.
#
# Packages: github.com/Rhymond/go-money v1.0.15.
# Expected: NewFromFloat(19.99, "CNY") is 1999: the float nearest to an exact number of cents means these cents.
# Happens:  the product 19.99 * 100 = 1998.9999... is cut off. 65,624 of the first million whole-cent amounts, one
#           in fifteen, lose a cent; none gains one.
# Matters:  amounts that come as JSON numbers are short by a cent: sums of a ledger do not agree, and rules that
#           look for repeated equal amounts or for a typical price (19.99) miss them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > go.mod <<'GO'
module finding

go 1.26

require github.com/Rhymond/go-money v1.0.15
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"os"

	"github.com/Rhymond/go-money"
)

func main() {
	short, other := 0, 0
	for cents := int64(1); cents <= 1_000_000; cents++ {
		switch money.NewFromFloat(float64(cents)/100, "CNY").Amount() - cents {
		case 0:
		case -1:
			short++
		default:
			other++
		}
	}
	price := money.NewFromFloat(19.99, "CNY").Amount()
	fmt.Println("go-money v1.0.15: 19.99 is", price, "cents; short by one cent of a million:", short, "otherwise wrong:", other)
	if price != 1998 || short != 65_624 || other != 0 {
		os.Exit(1)
	}
}
GO
go mod tidy 2> go.log
go run .
