module sample

go 1.24

require (
	github.com/coder/websocket v1.8.15
	github.com/tidwall/gjson v1.20.2
	golang.org/x/term v0.30.0
)

require (
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.3.0 // indirect
	golang.org/x/sys v0.31.0 // indirect
)
