module carillon/test/field/clients/go-pusher

go 1.19

require github.com/avdva/go-pusher v0.2.0

require (
	github.com/pkg/errors v0.8.0 // indirect
	golang.org/x/net v0.0.0-20181207154023-610586996380 // indirect
)
