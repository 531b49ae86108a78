"""Analysis (统计分析): departments and places look into their own figures themselves (I-55)."""
