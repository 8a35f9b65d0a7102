"""What all vendors' SDKs share: how they are loaded, a transport, one judgement of failures."""
