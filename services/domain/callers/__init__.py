"""Who is at the other end: addresses and networks, the proxies between, fair shares."""
