"""What connectors over HTTP share: the client, addresses, sign-in, pages and validators."""
