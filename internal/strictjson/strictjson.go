// Package strictjson compares JSON with what encoding/json has decoded from it. That ignores
// the case of names, and takes the last of several members with one name: a reviewer may read
// another member.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
)

var errOtherMembers = errors.New("a member is there twice, missing, or has another name")

// Check returns an error if the text has other members than the encoded value. Empty members
// may be missing.
func Check(text []byte, value any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	have, err := newMemberReader(text).value()
	if err != nil {
		return err
	}
	want, err := newMemberReader(encoded).value()
	if err == nil && !reflect.DeepEqual(have, want) {
		return errOtherMembers
	}
	return err
}

// A memberReader reads JSON into maps, slices and values, and refuses members with the name
// of another one.
type memberReader struct{ *json.Decoder }

func newMemberReader(text []byte) memberReader {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return memberReader{d}
}

func (r memberReader) value() (any, error) {
	token, err := r.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return r.object()
	case json.Delim('['):
		return r.array()
	}
	return token, nil
}

func (r memberReader) object() (any, error) {
	members := map[string]any{}
	for r.More() {
		name, err := r.Token()
		if err != nil {
			return nil, err
		}
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		key := fmt.Sprint(name)
		if _, twice := members[key]; twice {
			return nil, errOtherMembers
		}
		members[key] = value
	}
	maps.DeleteFunc(members, func(_ string, value any) bool { return isEmpty(value) })
	_, err := r.Token()
	return members, err
}

// isEmpty reports whether a member may be missing instead.
func isEmpty(value any) bool {
	switch value := value.(type) {
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return value == nil || value == "" || value == false
}

func (r memberReader) array() (any, error) {
	list := []any{}
	for r.More() {
		value, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := r.Token()
	return list, err
}
