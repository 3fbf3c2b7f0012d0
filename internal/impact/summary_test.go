package impact

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSum(t *testing.T) {
	safe, drains := Impact{Effect: Safe}, Impact{Effect: Drains}
	cut := func(n int, cluster, server string) Impact {
		return Impact{Effect: Cuts, Connections: n, Cluster: cluster, Server: server}
	}
	for want, impacts := range map[string][]Impact{
		"":                           nil,
		"safe":                       {safe, safe},
		"drains 2":                   {drains, safe, drains},
		"cuts 1 connection (ftp: 1)": {cut(1, "ftp", "")},
		"cuts 3 connections":         {cut(3, "", "")},
		"cuts":                       {cut(0, "ftp", "")},
		"drains 1, cuts":             {drains, cut(0, "ftp", "")},
		"drains 1, cuts an unknown number of connections":                        {drains, {Effect: Cuts, Unknown: true}},
		"drains 1, cuts 15 connections (ftp: rs1 8, rs2 5; web: rs1 2)":          {cut(7, "ftp", "rs1"), drains, cut(5, "ftp", "rs2"), cut(2, "web", "rs1"), cut(1, "ftp", "rs1")},
		"cuts 2 connections (ftp: rs1 2), cuts an unknown number of connections": {cut(2, "ftp", "rs1"), {Effect: Cuts, Unknown: true}},
	} {
		assert.Equal(t, want, Sum(slices.Values(impacts)).String())
	}
}
