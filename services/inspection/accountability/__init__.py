"""Cases of accountability: proposed and recorded from the data, never executed here."""
