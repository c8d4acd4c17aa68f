/** Servers as processes, clients as resources of a scenario, and waiting with deadlines. Nothing here knows a scenario. */
package rocketmq.it.harness;
