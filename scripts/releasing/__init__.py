"""The steps of `scripts/release`: build, check, install elsewhere, and say what would be uploaded."""
