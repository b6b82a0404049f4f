"""Working days, holidays and due dates."""
