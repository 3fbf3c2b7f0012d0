package lvsmark

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
)

// errOtherMembers means that a plan file has members that Go's decoder accepts, but that a
// reviewer reads differently: twice, or with another case.
var errOtherMembers = errors.New("a member is there twice, missing, or has another name")

// checkMembers reports whether the text has exactly the members of the plan. encoding/json
// ignores the case of names and takes the last of several members with one name.
func (s *SavedPlan) checkMembers(text []byte) error {
	written, err := json.Marshal(s)
	if err != nil {
		return err
	}
	d, wanted := newMemberReader(text), newMemberReader(written)
	have, err := d.value()
	if err != nil {
		return err
	}
	want, err := wanted.value()
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
