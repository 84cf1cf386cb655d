"""Networks' bodies: pictures to features, shared by the heads."""
