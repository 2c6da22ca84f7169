"""What the control plane's writes mean: functions of a session that raise or change rows."""
