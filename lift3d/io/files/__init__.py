"""What readers and writers stand on: whole outputs, limits, and archives read without running them."""
