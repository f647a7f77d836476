"""All settings as one TOML file, and back."""
