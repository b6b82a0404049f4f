"""What the form's writer and its reader share: its layout, and the list of what is to be done."""
