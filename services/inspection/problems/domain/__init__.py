"""The rules of problems: their life (states) and how a finding becomes one (findings)."""
