package main

import (
	"fmt"
	"html"
	"strings"
)

// Sizes in pixels.
const (
	cellWidth, cellHeight = 170, 112
	boxWidth, boxHeight   = 136, 64
	margin, header        = 12, 34
	lineHeight            = 16
)

// colours has the colour of each kind of step.
var colours = map[string]string{"host": "#e8e8e8", "hook": "#ffffff", "lvsmark": "#ffe08a", "ipvs": "#a8d5ff"}

func (p *picture) columns() (n int) {
	for _, l := range p.lanes {
		n += l.columns
	}
	return n
}

func (p *picture) svg() string {
	width, height := p.columns()*cellWidth+2*margin, len(p.rows)*cellHeight+header+2*margin
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	b.WriteString(`<defs><marker id="head" viewBox="0 0 10 10" refX="10" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z"/></marker></defs>` + "\n")
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	p.drawLanes(&b, height)
	for i, r := range p.rows {
		r.draw(&b, header+margin+i*cellHeight)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (p *picture) drawLanes(b *strings.Builder, height int) {
	x := margin
	for _, l := range p.lanes {
		width := l.columns * cellWidth
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#999999" stroke-dasharray="4"/>`+"\n", x+3, margin/2, width-6, height-margin)
		fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle" font-weight="bold">%s</text>`+"\n", x+width/2, margin+14, html.EscapeString(l.name))
		x += width
	}
}

func (r *row) draw(b *strings.Builder, top int) {
	fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="bold" fill="#444444">%s</text>`+"\n", margin+10, top+12, html.EscapeString(r.title))
	middle := top + 22 + boxHeight/2
	for i, s := range r.steps {
		x := margin + s.column*cellWidth + (cellWidth-boxWidth)/2
		if i > 0 {
			drawArrow(b, r.steps[i-1].column, s.column, middle)
		}
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" rx="6" fill="%s" stroke="#333333"/>`+"\n", x, middle-boxHeight/2, boxWidth, boxHeight, colours[s.kind])
		for k, line := range s.lines {
			y := middle + 4 + lineHeight*k - lineHeight*(len(s.lines)-1)/2
			fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", x+boxWidth/2, y, html.EscapeString(line))
		}
	}
}

// drawArrow draws an arrow between the boxes of two columns, in either direction.
func drawArrow(b *strings.Builder, from, to, y int) {
	edge := (cellWidth - boxWidth) / 2
	start, end := margin+(from+1)*cellWidth-edge, margin+to*cellWidth+edge
	if to < from {
		start, end = margin+from*cellWidth+edge, margin+(to+1)*cellWidth-edge
	}
	fmt.Fprintf(b, `<line x1="%d" y1="%d" x2="%d" y2="%[2]d" stroke="#333333" stroke-width="1.5" marker-end="url(#head)"/>`+"\n", start, y, end)
}
