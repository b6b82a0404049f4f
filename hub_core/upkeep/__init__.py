"""What keeps a hub whole: checks, the doctor, backups, and packages installed or removed."""
