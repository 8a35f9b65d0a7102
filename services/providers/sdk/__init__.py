"""What every vendor's SDK gets from us: loading, a transport below, one judgement of failures."""
