"""notify (通知服务): how organisations are told: their queues, reminders and escalations."""
