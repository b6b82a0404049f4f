"""What readers of text share: encodings, Vietnamese letters, and JSON around its rows."""
