package strictjson

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCheck(t *testing.T) {
	type value struct {
		A int      `json:"a"`
		B []string `json:"b"`
		C *value   `json:"c,omitempty"`
	}
	v := value{A: 1, C: &value{A: 2, B: []string{"x"}}}
	for text, same := range map[string]bool{
		`{"a":1,"b":null,"c":{"a":2,"b":["x"]}}`:          true,
		"{ \"c\": {\"b\":[\"\\u0078\"],\"a\":2},\"a\":1}": true, // formatted, in another order
		`{"a":1,"b":[],"c":{"a":2,"b":["x"]}}`:            true,
		`{"a":1,"b":{},"c":{"a":2,"b":["x"]}}`:            true,
		`{"a":1,"a":1,"c":{"a":2,"b":["x"]}}`:             false,
		`{"A":1,"c":{"a":2,"b":["x"]}}`:                   false,
		`{"a":1,"c":{"a":2,"a":2,"b":["x"]}}`:             false,
		`{"a":1,"c":{"a":2,"b":["x",""]}}`:                false,
		`{"a":1,"c":{"a":2,"b":[]}}`:                      false,
		`{"a":1,"d":1,"c":{"a":2,"b":["x"]}}`:             false,
		`{"a":1}`:                                         false,
		`{"a":1,"c":{"a":2,"b":["x"`:                      false,
		`{"a":1,"c":{"a":`:                                false,
		`[`:                                               false,
		``:                                                false,
	} {
		assert.Equal(t, same, Check([]byte(text), &v) == nil, text)
	}
	assert.Error(t, Check([]byte(`1`), func() {}))
}
