module sample

go 1.21

require (
	github.com/gorilla/websocket v1.5.3
	golang.org/x/term v0.27.0
)

require golang.org/x/sys v0.28.0 // indirect
