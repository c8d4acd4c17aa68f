//! Locks of queues for ordered consumers: codes 41 and 42. Source: `broker/client/rebalance/RebalanceLockManager`.
