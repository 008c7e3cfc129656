module carillon/test/field/sdks/go-v4

go 1.24.0

require github.com/pusher/pusher-http-go v4.0.1+incompatible

require (
	golang.org/x/crypto v0.45.0 // indirect
	golang.org/x/sys v0.38.0 // indirect
)
