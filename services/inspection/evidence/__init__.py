"""Evidence files: photographs and documents that prove a finding or its rectification."""
