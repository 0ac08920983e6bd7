/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: administrative commands
 *
 * To add a command: give it a number in iaa-regs.h, write the steps it needs
 * and put them in its row of iaa_commands[].
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "trace.h"

/**
 * IAACommand: the steps of a command
 * @name: for traces
 * @check: find the queues the operand names.  Returns IAA_CMDSTS_SUCCESS or
 *         why the command fails
 * @begin: before waiting
 * @drain: wait for all descriptors that the queues have accepted so far
 * @finish: after waiting
 * @abandons: takes as long as IAAState.abort_ns says; the device goes on until
 *            then
 */
struct IAACommand {
    const char *name;
    uint8_t (*check)(IAAState *s, uint32_t operand, IAAQueueSet *wqs);
    void (*begin)(IAAState *s, IAAQueueSet wqs);
    bool drain;
    void (*finish)(IAAState *s, IAAQueueSet wqs);
    bool abandons;
};

static void iaa_cmd_set_state(IAAState *s, IAADeviceState state)
{
    s->regs[R_IAA_GENSTS] = FIELD_DP32(iaa_reg(s, A_IAA_GENSTS),
                                       IAA_GENSTS, STATE, state);
}

static uint8_t iaa_cmd_check_enable(IAAState *s, uint32_t operand,
                                    IAAQueueSet *wqs)
{
    if (iaa_device_state(s) != IAA_DEVICE_DISABLED) {
        return IAA_CMDSTS_DEVICE_ENABLED;
    }
    if (!iaa_pci_bus_master(s)) {
        return IAA_CMDSTS_BUS_MASTER;
    }
    return iaa_wq_check_groups(s);
}

static void iaa_cmd_enable(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_load_groups(s);
    iaa_cmd_set_state(s, IAA_DEVICE_ENABLED);
}

static uint8_t iaa_cmd_check_disable(IAAState *s, uint32_t operand,
                                     IAAQueueSet *wqs)
{
    *wqs = IAA_ALL_QUEUES;
    return iaa_device_state(s) == IAA_DEVICE_ENABLED ?
           IAA_CMDSTS_SUCCESS : IAA_CMDSTS_DISABLE_NOT_ENABLED;
}

static void iaa_cmd_begin_disable(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_stop(s, wqs);
    iaa_cmd_set_state(s, IAA_DEVICE_DRAINING);
}

static void iaa_cmd_disable(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_disable(s, wqs);
    iaa_cmd_set_state(s, IAA_DEVICE_DISABLED);
}

static uint8_t iaa_cmd_check_all(IAAState *s, uint32_t operand,
                                 IAAQueueSet *wqs)
{
    *wqs = IAA_ALL_QUEUES;
    return iaa_device_state(s) == IAA_DEVICE_ENABLED ?
           IAA_CMDSTS_SUCCESS : IAA_CMDSTS_NOT_ENABLED;
}

static uint8_t iaa_cmd_check_reset(IAAState *s, uint32_t operand,
                                   IAAQueueSet *wqs)
{
    *wqs = IAA_ALL_QUEUES;
    return IAA_CMDSTS_SUCCESS;
}

/* Capabilities are as before, everything else is as after power on */
static void iaa_cmd_reset_device(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_cancel(s, wqs);
    iaa_wq_reset(s);
    iaa_regs_reset(s);
}

static uint8_t iaa_cmd_check_enable_wq(IAAState *s, uint32_t operand,
                                       IAAQueueSet *wqs)
{
    if (iaa_device_state(s) != IAA_DEVICE_ENABLED) {
        return IAA_CMDSTS_DEVICE_NOT_ENABLED;
    }
    if (operand >= IAA_NUM_WQS) {
        return IAA_CMDSTS_INVALID_WQ;
    }
    *wqs = BIT(operand);
    return iaa_wq_check(s, operand);
}

static uint8_t iaa_cmd_check_wqs(IAAState *s, uint32_t operand,
                                 IAAQueueSet *wqs)
{
    uint32_t mask = FIELD_EX32(operand, IAA_CMD, WQ_MASK);

    if (iaa_device_state(s) != IAA_DEVICE_ENABLED) {
        return IAA_CMDSTS_NOT_ENABLED;
    }
    if (FIELD_EX32(operand, IAA_CMD, WQ_SET) || mask & ~IAA_ALL_QUEUES) {
        return IAA_CMDSTS_INVALID_WQ;
    }
    *wqs = mask;
    return IAA_CMDSTS_SUCCESS;
}

/*
 * Descriptors do not have a PASID of their own in dedicated queues, and other
 * queues do not get any, so that there is nothing to wait for or to abandon.
 */
static uint8_t iaa_cmd_check_pasid(IAAState *s, uint32_t operand,
                                   IAAQueueSet *wqs)
{
    return iaa_device_state(s) == IAA_DEVICE_ENABLED ?
           IAA_CMDSTS_SUCCESS : IAA_CMDSTS_NOT_ENABLED;
}

static void iaa_cmd_abort(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_cancel(s, wqs);
    iaa_wq_abort(s, wqs);
}

/*
 * The size stays: software could not set it again while the device is enabled,
 * and Linux enables the queue again without disabling the device.
 */
static void iaa_cmd_reset_wqs(IAAState *s, IAAQueueSet wqs)
{
    iaa_wq_cancel(s, wqs);
    iaa_wq_disable(s, wqs);
    for (unsigned i = 0; i < IAA_NUM_WQS; i++) {
        if (wqs & BIT(i)) {
            hwaddr cfg = A_IAA_WQCFG_SIZE + i * IAA_WQCFG_STRIDE;

            memset(&s->regs[cfg / 4 + 1], 0, IAA_WQCFG_STRIDE - 4);
        }
    }
}

static const IAACommand iaa_commands[] = {
    [IAA_CMD_ENABLE_DEVICE] = {
        "enable-device", iaa_cmd_check_enable, NULL, false, iaa_cmd_enable,
    },
    [IAA_CMD_DISABLE_DEVICE] = {
        "disable-device", iaa_cmd_check_disable, iaa_cmd_begin_disable, true,
        iaa_cmd_disable,
    },
    [IAA_CMD_DRAIN_ALL] = {
        "drain-all", iaa_cmd_check_all, NULL, true, NULL,
    },
    [IAA_CMD_ABORT_ALL] = {
        "abort-all", iaa_cmd_check_all, NULL, false, iaa_cmd_abort, true,
    },
    [IAA_CMD_RESET_DEVICE] = {
        "reset-device", iaa_cmd_check_reset, NULL, false,
        iaa_cmd_reset_device, true,
    },
    [IAA_CMD_ENABLE_WQ] = {
        "enable-wq", iaa_cmd_check_enable_wq, NULL, false, iaa_wq_enable,
    },
    [IAA_CMD_DISABLE_WQ] = {
        "disable-wq", iaa_cmd_check_wqs, iaa_wq_stop, true, iaa_wq_disable,
    },
    [IAA_CMD_DRAIN_WQ] = {
        "drain-wq", iaa_cmd_check_wqs, NULL, true, NULL,
    },
    [IAA_CMD_ABORT_WQ] = {
        "abort-wq", iaa_cmd_check_wqs, NULL, false, iaa_cmd_abort, true,
    },
    [IAA_CMD_RESET_WQ] = {
        "reset-wq", iaa_cmd_check_wqs, NULL, false, iaa_cmd_reset_wqs, true,
    },
    [IAA_CMD_DRAIN_PASID] = {
        "drain-pasid", iaa_cmd_check_pasid, NULL, false, NULL,
    },
    [IAA_CMD_ABORT_PASID] = {
        "abort-pasid", iaa_cmd_check_pasid, NULL, false, NULL,
    },
};

/* Stands for one that a test wants never to complete */
static const IAACommand iaa_command_hung = { "hung" };

static const IAACommand *iaa_cmd_find(uint32_t code)
{
    if (code >= ARRAY_SIZE(iaa_commands) || !iaa_commands[code].name) {
        return NULL;
    }
    return &iaa_commands[code];
}

/* Linux sleeps until the interrupt comes, and only then reads the status */
static void iaa_cmd_complete(IAAState *s, uint8_t status)
{
    trace_iaa_cmd_complete(status);
    s->cmd.active = NULL;
    s->regs[R_IAA_CMDSTS] = FIELD_DP32(0, IAA_CMDSTS, ERROR, status);
    if (s->cmd.int_request) {
        iaa_regs_raise(s, R_IAA_INTCAUSE_COMMAND_MASK);
    }
}

static int64_t iaa_cmd_now(void)
{
    return qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);
}

/**
 * iaa_cmd_progress: complete the active command if it has waited enough
 * @s: device
 */
void iaa_cmd_progress(IAAState *s)
{
    const IAACommand *cmd = s->cmd.active;

    if (!cmd || cmd == &iaa_command_hung ||
        (cmd->drain && !iaa_wq_drained(s, s->cmd.wqs)) ||
        iaa_cmd_now() < s->cmd.done_ns) {
        return;
    }
    /* What finishes the command must not find it active */
    s->cmd.active = NULL;
    if (cmd->finish) {
        cmd->finish(s, s->cmd.wqs);
    }
    iaa_cmd_complete(s, IAA_CMDSTS_SUCCESS);
}

static void iaa_cmd_begin(IAAState *s, const IAACommand *cmd)
{
    s->cmd.active = cmd;
    s->regs[R_IAA_CMDSTS] = R_IAA_CMDSTS_ACTIVE_MASK;
    if (cmd->begin) {
        cmd->begin(s, s->cmd.wqs);
    }
    if (cmd->drain) {
        iaa_wq_drain(s, s->cmd.wqs);
    }
    if (cmd->abandons && s->abort_ns) {
        s->cmd.done_ns = iaa_cmd_now() + s->abort_ns;
        timer_mod_ns(s->cmd_timer, s->cmd.done_ns);
    }
    iaa_cmd_progress(s);
}

static void iaa_cmd_tick(void *opaque)
{
    IAAState *s = opaque;

    iaa_guard_enter(s);
    iaa_cmd_progress(s);
    iaa_guard_leave(s);
}

/*
 * A device that is halted does nothing but reset, if that is all it takes.
 * That it says no to everything else is a guess.
 */
static bool iaa_cmd_is_halted(const IAAState *s, uint32_t code)
{
    uint32_t gensts = iaa_reg(s, A_IAA_GENSTS);

    return iaa_device_state(s) == IAA_DEVICE_HALTED &&
           (code != IAA_CMD_RESET_DEVICE ||
            FIELD_EX32(gensts, IAA_GENSTS, RESET_TYPE) != IAA_RESET_SOFTWARE);
}

/* Whether a test wants the command to fail */
static bool iaa_cmd_intercept(IAAState *s, uint32_t code)
{
    IAAInjection inject = iaa_inject_command(s, code);

    switch (inject.action) {
    case IAA_INJECT_REFUSE:
        iaa_cmd_complete(s, inject.status);
        return true;
    case IAA_INJECT_HANG:
        s->cmd.active = &iaa_command_hung;
        s->regs[R_IAA_CMDSTS] = R_IAA_CMDSTS_ACTIVE_MASK;
        return true;
    default:
        return false;
    }
}

/**
 * iaa_cmd_write: the CMD register is written
 * @s: device
 * @value: command, operand and whether an interrupt is wanted
 *
 * Commands that have nothing to wait for complete at once.  Linux polls
 * for the end of the first RESET_DEVICE with a spinlock held.
 */
void iaa_cmd_write(IAAState *s, uint32_t value)
{
    uint32_t operand = FIELD_EX32(value, IAA_CMD, OPERAND);
    uint32_t code = FIELD_EX32(value, IAA_CMD, COMMAND);
    const IAACommand *cmd = iaa_cmd_find(code);
    uint8_t status = IAA_CMDSTS_INVALID_COMMAND;

    trace_iaa_cmd(cmd ? cmd->name : "unknown", value);
    if (s->cmd.active) {
        iaa_regs_log_error(s, IAA_SWERR_COMMAND_ACTIVE, &(IAAErrorInfo) { });
        return;
    }

    s->cmd.int_request = FIELD_EX32(value, IAA_CMD, INT_REQUEST);
    s->cmd.wqs = 0;
    s->cmd.done_ns = 0;
    if (iaa_cmd_intercept(s, code)) {
        return;
    }
    if (iaa_cmd_is_halted(s, code)) {
        status = IAA_CMDSTS_HARDWARE;
    } else if (cmd) {
        status = cmd->check(s, operand, &s->cmd.wqs);
    }
    if (status == IAA_CMDSTS_SUCCESS) {
        iaa_cmd_begin(s, cmd);
    } else {
        iaa_cmd_complete(s, status);
    }
}

/**
 * iaa_cmd_halt: stop with an error that only a reset clears
 * @s: device
 * @type: what reset
 *
 * Descriptors are abandoned, and a command that waits for some fails: that it
 * completes at all is a guess.
 */
void iaa_cmd_halt(IAAState *s, IAAResetType type)
{
    if (s->gone) {
        return;
    }
    trace_iaa_err_halt(type);
    iaa_wq_disable(s, IAA_ALL_QUEUES);
    iaa_cmd_set_state(s, IAA_DEVICE_HALTED);
    s->regs[R_IAA_GENSTS] = FIELD_DP32(iaa_reg(s, A_IAA_GENSTS), IAA_GENSTS,
                                       RESET_TYPE, type);
    if (s->cmd.active) {
        iaa_cmd_complete(s, IAA_CMDSTS_HARDWARE);
    }
    if (FIELD_EX32(iaa_reg(s, A_IAA_GENCTRL), IAA_GENCTRL, HALT_INT_EN)) {
        iaa_regs_raise(s, R_IAA_INTCAUSE_HALT_MASK);
    }
}

/**
 * iaa_cmd_reset: forget the active command; it never completes
 * @s: device
 */
void iaa_cmd_reset(IAAState *s)
{
    s->cmd = (IAACommandState) { };
    timer_del(s->cmd_timer);
}

/**
 * iaa_cmd_init: set up what commands need
 * @s: device
 */
void iaa_cmd_init(IAAState *s)
{
    s->cmd_timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, iaa_cmd_tick, s);
}

/**
 * iaa_cmd_exit: the reverse of iaa_cmd_init()
 * @s: device
 */
void iaa_cmd_exit(IAAState *s)
{
    timer_free(s->cmd_timer);
}
