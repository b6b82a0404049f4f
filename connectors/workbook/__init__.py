"""What readers of workbooks share: files, sheets, cells and tables, within limits."""
