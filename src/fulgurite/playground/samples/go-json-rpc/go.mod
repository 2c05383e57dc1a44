module sample

go 1.24

require (
	github.com/coder/websocket v1.8.15
	golang.org/x/term v0.30.0
)

require golang.org/x/sys v0.31.0 // indirect
