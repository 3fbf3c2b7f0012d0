package measure

import "fmt"

// Count returns text like "one VIP" or "10,000 VIPs".
func Count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return Grouped(n) + " " + what + "s"
}

// Grouped formats a number like 10,000.
func Grouped(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Grouped(n/1000), n%1000)
}
