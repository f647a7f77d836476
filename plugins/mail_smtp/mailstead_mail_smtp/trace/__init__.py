"""What would become of a message: asked of the configuration Postfix runs on, nothing is sent."""
