package mail

import "crypto/x509"

// Trust has the sender trust a test's certificate, and nothing else.
func (s *SMTP) Trust(c *x509.Certificate) {
	pool := x509.NewCertPool()
	pool.AddCert(c)
	s.tls.RootCAs = pool
}
