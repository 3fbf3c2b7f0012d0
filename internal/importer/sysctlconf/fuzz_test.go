package sysctlconf

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzRead(f *testing.F) {
	f.Add("# x\nnet.ipv4.ip_forward = 1\n-net/ipv4/vs/conntrack=1\n; y\nnet.ipv4.vs.sync_threshold = 3 50\n= 1\nnet.ipv4.vs. =")
	f.Fuzz(func(t *testing.T, text string) {
		Recognises(text)
		_, err := Read("f", text)
		require.NoError(t, err)
	})
}
