"""UniFi Protect: cameras, doorbells and sensors of one console."""
