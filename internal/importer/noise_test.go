package importer

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// noiseWords are words and ends of lines that mean something in one of the languages.
var noiseWords = strings.Split(`{ } " ' -A -j MARK --set-mark 21 iptables -t mangle PREROUTING ipvsadm -f -a -r real_server 10.0.0.1 10.0.0.1:80 80 virtual server = <rule> </rule> <direct> -m set --match-set add create a hash:ip 198.51.100.1 198.51.100.0/24 $x $(y) & | # \ include vrrp_instance virtual_ipaddress group fwmark 1-65535 while for in do done case esac if then fi ( ) ! 0x15/0xff ,,, *nat COMMIT :a active 0 1 address ExecStart=ipvsadm <<X X`, " ")

func noise(r *rand.Rand, size int, indent string) string {
	var b strings.Builder
	for b.Len() < size {
		b.WriteString(indent)
		for range r.IntN(8) {
			b.WriteString(noiseWords[r.IntN(len(noiseWords))] + " ")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestNoise: each reader takes time and memory in proportion to a text without a meaning. The
// times are logged; a reader whose time grows with the square of the size does not end.
func TestNoise(t *testing.T) {
	size := 8 << 20
	if testing.Short() {
		size = 1 << 20
	}
	r := rand.New(rand.NewPCG(1, 1))
	random := make([]byte, size)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	commands := strings.NewReplacer(`"`, "", "'", "", "(", "", ")", "", "$", "", "<<X", "", `\`, "", "#", "", "case", "set") // nothing is open for long
	texts := map[string]string{
		"commands": commands.Replace(noise(r, size, "")),
		"lines":    noise(r, size, ""), "indented lines": noise(r, size, " \t"), "one line": strings.ReplaceAll(noise(r, size, ""), "\n", " "),
		"random bytes": string(random), "one word": strings.Repeat("x", size), "braces": strings.Repeat("{\n", size/2), "quotes": strings.Repeat("\"'\n", size/3),
	}
	for _, reader := range readers() {
		if strings.HasPrefix(reader.Name, "nft") {
			continue // the program nft reads them
		}
		for name, text := range texts {
			begin := time.Now()
			reader.Recognises(text)
			c, err := reader.Read("noise", text)
			if err == nil {
				assert.LessOrEqual(t, len(c.NotUnderstood)+len(c.Findings), 20000, "%s, %s", reader.Name, name)
			}
			t.Logf("%s, %s: %s", reader.Name, name, time.Since(begin).Round(time.Millisecond))
		}
	}
}
