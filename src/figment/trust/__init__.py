"""What Figment says about where a picture comes from, and what it can find out about any picture."""
