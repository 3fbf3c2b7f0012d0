package firewalld

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxNodes is the number of elements of a file; those of firewalld have a few hundred.
const maxNodes = 100000

// A node is an element of XML.
type node struct {
	name     string
	attrs    map[string]string
	text     string
	children []*node
	number   int // of its line
}

// parse reads the root element of a file.
func parse(text string) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	top := &node{}
	open := []*node{top}
	for count := 0; ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && len(top.children) == 1 {
			return top.children[0], nil
		}
		if err != nil {
			return nil, err
		}
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > maxNodes {
				return nil, fmt.Errorf("more than %d elements", maxNodes)
			}
			number, _ := d.InputPos()
			n := &node{name: t.Name.Local, attrs: map[string]string{}, number: number}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			last.children = append(last.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += string(t)
		}
	}
}

// all returns the children of a name.
func (n *node) all(name string) (list []*node) {
	for _, c := range n.children {
		if c.name == name {
			list = append(list, c)
		}
	}
	return list
}

// first returns the first child of a name, or nil.
func (n *node) first(name string) *node {
	if list := n.all(name); len(list) > 0 {
		return list[0]
	}
	return nil
}

// inverted reports whether the test is negated.
func (n *node) inverted() bool {
	for _, name := range []string{"invert", "not"} {
		switch strings.ToLower(n.attrs[name]) {
		case "true", "yes", "1":
			return true
		}
	}
	return false
}
