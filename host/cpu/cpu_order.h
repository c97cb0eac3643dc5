/* SPDX-License-Identifier: MIT */
/* Old names of model/order.h. */
#ifndef VKFI_CPU_CPU_ORDER_H
#define VKFI_CPU_CPU_ORDER_H

#include "model/order.h"

#define cpu_order order
#define cpu_order_open order_open
#define cpu_order_begin order_begin
#define cpu_order_term order_term
#define cpu_order_join order_join
#define cpu_order_block order_block
#define cpu_order_end order_end

#endif
