package firewall

// An Effect is what a rule that lvsmark did not make does to packets of a cluster.
type Effect string

// The effects that keep packets from IPVS or from their mark.
const (
	SetsMark  Effect = "set the mark of"
	Drops     Effect = "drop"
	Rejects   Effect = "reject"
	Redirects Effect = "change the destination of"
	Queues    Effect = "queue"
	Forwards  Effect = "divert"
	Proxies   Effect = "proxy"
	Unknown   Effect = "do something unknown to"

	TranslatesSource Effect = "change the source of"
	Untracks         Effect = "exclude from connection tracking"
	Offloads         Effect = "offload"
	MovesZone        Effect = "move to another zone of connection tracking"
)
