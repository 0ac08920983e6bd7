/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Intel In-Memory Analytics Accelerator: fault injection
 *
 * Slots are only looked up here.  What an injection does is done by the part
 * that it happens to: a queue loses the descriptor, an engine gets stuck.
 *
 * To add an action: give it a number in iaa-inject.h, a name in
 * iaa_inject_names[], and let the part that it concerns look for it.
 */

#include "qemu/osdep.h"
#include "hw/iaa/iaa.h"
#include "qapi/error.h"
#include "qemu/cutils.h"
#include "qemu/keyval.h"
#include "qemu/log.h"
#include "qobject/qdict.h"
#include "trace.h"

#define SLOT_REG(_reg) ((A_IAA_SLOT_##_reg - A_IAA_SLOT_CONTROL) / 4)

/*
 * Looking up
 */

static bool iaa_inject_matches(uint32_t wanted, uint32_t have)
{
    return wanted == IAA_INJECT_ANY || wanted == have;
}

/* Counts what matches; true if it is one of those to hit */
static bool iaa_slot_fires(IAAInjectSlot *slot)
{
    uint32_t *regs = slot->regs;

    if (!regs[SLOT_REG(COUNT)]) {
        return false;
    }
    if (regs[SLOT_REG(SKIP)]) {
        regs[SLOT_REG(SKIP)]--;
        return false;
    }
    if (regs[SLOT_REG(COUNT)] != IAA_INJECT_FOREVER) {
        regs[SLOT_REG(COUNT)]--;
    }
    regs[SLOT_REG(HITS)]++;
    return true;
}

static IAAInjection iaa_slot_injection(const IAAInjectSlot *slot)
{
    uint32_t control = slot->regs[SLOT_REG(CONTROL)];
    uint32_t status = slot->regs[SLOT_REG(STATUS)];

    return (IAAInjection) {
        .action = FIELD_EX32(control, IAA_SLOT_CONTROL, ACTION),
        .status = FIELD_EX32(status, IAA_SLOT_STATUS, STATUS),
        .error = FIELD_EX32(status, IAA_SLOT_STATUS, ERROR),
        .reset_type = FIELD_EX32(status, IAA_SLOT_STATUS, RESET),
        .mask = slot->regs[SLOT_REG(MASK)] ?: UINT32_MAX,
        .offset = slot->regs[SLOT_REG(OFFSET)],
        .delay_ns = slot->regs[SLOT_REG(DELAY)],
    };
}

/* All slots count, so that none depends on what the others do */
static IAAInjection iaa_inject_find(IAAState *s, bool command, uint8_t wq,
                                    uint8_t code)
{
    IAAInjection found = { .action = IAA_INJECT_NONE };

    for (unsigned i = 0; i < IAA_INJECT_SLOTS; i++) {
        IAAInjectSlot *slot = &s->inject_slot[i];
        uint32_t control = slot->regs[SLOT_REG(CONTROL)];
        uint32_t action = FIELD_EX32(control, IAA_SLOT_CONTROL, ACTION);

        if (action != IAA_INJECT_NONE &&
            (action >= IAA_INJECT_COMMANDS) == command &&
            iaa_inject_matches(FIELD_EX32(control, IAA_SLOT_CONTROL, WQ), wq) &&
            iaa_inject_matches(FIELD_EX32(control, IAA_SLOT_CONTROL, CODE),
                               code) &&
            iaa_slot_fires(slot) && found.action == IAA_INJECT_NONE) {
            trace_iaa_inject(i, action, wq, code);
            found = iaa_slot_injection(slot);
        }
    }
    return found;
}

/**
 * iaa_inject_descriptor: what is to happen to a descriptor
 * @s: device
 * @wq: the queue that accepts it
 * @opcode: of the descriptor
 *
 * To be asked once for each descriptor, because that is what is counted.
 *
 * Returns: the action is IAA_INJECT_NONE if nothing is.
 */
IAAInjection iaa_inject_descriptor(IAAState *s, const IAAWorkQueue *wq,
                                   uint8_t opcode)
{
    return iaa_inject_find(s, false, wq->index, opcode);
}

/**
 * iaa_inject_command: what is to happen to a command
 * @s: device
 * @code: IAACommandCode, or anything that a guest has written
 *
 * Returns: the action is IAA_INJECT_NONE if nothing is.
 */
IAAInjection iaa_inject_command(IAAState *s, uint8_t code)
{
    return iaa_inject_find(s, true, IAA_INJECT_ANY, code);
}

/*
 * BAR 4
 */

static void iaa_inject_clear(IAAState *s)
{
    memset(s->inject_slot, 0, sizeof(s->inject_slot));
}

static uint32_t *iaa_inject_slot_reg(IAAState *s, hwaddr addr)
{
    unsigned i = (addr - A_IAA_SLOT_CONTROL) / 4;

    if (addr < A_IAA_SLOT_CONTROL || i >= IAA_INJECT_SLOTS * IAA_SLOT_REGS) {
        return NULL;
    }
    return &s->inject_slot[i / IAA_SLOT_REGS].regs[i % IAA_SLOT_REGS];
}

static uint64_t iaa_inject_read(void *opaque, hwaddr addr, unsigned size)
{
    IAAState *s = opaque;
    const uint32_t *reg = iaa_inject_slot_reg(s, addr);

    switch (addr) {
    case A_IAA_INJECT_ID:
        return IAA_INJECT_ID_VALUE;
    case A_IAA_INJECT_NUM_SLOTS:
        return IAA_INJECT_SLOTS;
    case A_IAA_INJECT_GONE:
        return s->gone;
    default:
        return reg ? *reg : 0;
    }
}

static void iaa_inject_write_slot(IAAState *s, hwaddr addr, uint32_t value)
{
    IAAInjectSlot *slot = &s->inject_slot[(addr - A_IAA_SLOT_CONTROL) /
                                          IAA_SLOT_STRIDE];
    unsigned i = (addr - A_IAA_SLOT_CONTROL) / 4 % IAA_SLOT_REGS;

    switch (i) {
    case SLOT_REG(HITS):
        break;
    case SLOT_REG(CONTROL):
        slot->regs[SLOT_REG(HITS)] = 0;
        /* fall through */
    default:
        slot->regs[i] = value;
    }
}

static void iaa_inject_write(void *opaque, hwaddr addr, uint64_t value,
                             unsigned size)
{
    IAAState *s = opaque;

    iaa_guard_enter(s);
    switch (addr) {
    case A_IAA_INJECT_HALT:
        iaa_cmd_halt(s, FIELD_EX32(value, IAA_INJECT_HALT, TYPE));
        break;
    case A_IAA_INJECT_GONE:
        iaa_pci_set_gone(s, value & 1);
        break;
    case A_IAA_INJECT_CLEAR:
        iaa_inject_clear(s);
        break;
    default:
        if (iaa_inject_slot_reg(s, addr)) {
            iaa_inject_write_slot(s, addr, value);
        } else {
            qemu_log_mask(LOG_GUEST_ERROR, "iaa: write of unknown fault "
                          "register 0x%" HWADDR_PRIx "\n", addr);
        }
    }
    iaa_guard_leave(s);
}

static const MemoryRegionOps iaa_inject_ops = {
    .read = iaa_inject_read,
    .write = iaa_inject_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 4 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/**
 * iaa_inject_init: set up the memory region of BAR 4
 * @s: device
 *
 * Slots may be armed already, by properties.
 */
void iaa_inject_init(IAAState *s)
{
    memory_region_init_io(&s->inject_mr, OBJECT(s), &iaa_inject_ops, s,
                          "iaa-inject", IAA_BAR_INJECT_SIZE);
}

/*
 * Properties, which can be set at any time
 */

static const char *const iaa_inject_names[] = {
    [IAA_INJECT_NONE] = "none",
    [IAA_INJECT_STATUS] = "status",
    [IAA_INJECT_DROP] = "drop",
    [IAA_INJECT_STICK] = "stick",
    [IAA_INJECT_DELAY] = "delay",
    [IAA_INJECT_CRC] = "crc",
    [IAA_INJECT_OUTPUT] = "output",
    [IAA_INJECT_NO_INTERRUPT] = "no-interrupt",
    [IAA_INJECT_HALT] = "halt",
    [IAA_INJECT_GONE] = "gone",
    [IAA_INJECT_REFUSE] = "refuse",
    [IAA_INJECT_HANG] = "hang",
};

/* By the reset that the device needs, as in GENSTS */
static const char *const iaa_halt_names[] = {
    [IAA_RESET_SOFTWARE] = "software",
    [IAA_RESET_FLR] = "flr",
    [IAA_RESET_WARM] = "warm",
    [IAA_RESET_COLD] = "cold",
};

static bool iaa_inject_name(const char *const *names, size_t count,
                            const char *text, uint32_t *value, Error **errp)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] && g_str_equal(names[i], text)) {
            *value = i;
            return true;
        }
    }
    error_setg(errp, "'%s' is not one of those that there are", text);
    return false;
}

/**
 * IAAInjectKey: a part of a slot in text
 * @name: in the text
 * @reg: of the slot, counted in dwords
 * @shift: of its field there
 * @bits: width of the field
 * @initial: if the text does not have it
 */
static const struct IAAInjectKey {
    const char *name;
    uint8_t reg;
    uint8_t shift;
    uint8_t bits;
    uint32_t initial;
} iaa_inject_keys[] = {
    { "wq", SLOT_REG(CONTROL), R_IAA_SLOT_CONTROL_WQ_SHIFT, 8,
      IAA_INJECT_ANY },
    { "code", SLOT_REG(CONTROL), R_IAA_SLOT_CONTROL_CODE_SHIFT, 8,
      IAA_INJECT_ANY },
    { "skip", SLOT_REG(SKIP), 0, 32, 0 },
    { "count", SLOT_REG(COUNT), 0, 32, 1 },
    { "status", SLOT_REG(STATUS), R_IAA_SLOT_STATUS_STATUS_SHIFT, 8, 0 },
    { "error", SLOT_REG(STATUS), R_IAA_SLOT_STATUS_ERROR_SHIFT, 8, 0 },
    { "mask", SLOT_REG(MASK), 0, 32, 0 },
    { "offset", SLOT_REG(OFFSET), 0, 32, 0 },
    { "delay", SLOT_REG(DELAY), 0, 32, 0 },
};

/* Takes a number out of @dict, and says if it is none or does not fit */
static bool iaa_inject_take_number(QDict *dict, const char *name,
                                   uint32_t initial, uint64_t max,
                                   uint32_t *value, Error **errp)
{
    const char *text = qdict_get_try_str(dict, name);
    uint64_t number;

    *value = initial;
    if (!text) {
        return true;
    }
    if (qemu_strtou64(text, NULL, 0, &number) < 0 || number > max) {
        error_setg(errp, "%s must be a number from 0 to %" PRIu64
                   ", not '%s'", name, max, text);
        return false;
    }
    *value = number;
    qdict_del(dict, name);
    return true;
}

static bool iaa_inject_take_name(QDict *dict, const char *key,
                                 const char *const *names, size_t count,
                                 uint32_t *value, Error **errp)
{
    const char *text = qdict_get_try_str(dict, key);

    *value = 0;
    if (!text) {
        return true;
    }
    if (!iaa_inject_name(names, count, text, value, errp)) {
        error_prepend(errp, "%s: ", key);
        return false;
    }
    qdict_del(dict, key);
    return true;
}

static bool iaa_inject_take_slot(QDict *dict, IAAInjectSlot *slot,
                                 Error **errp)
{
    uint32_t action, reset, value;

    if (!iaa_inject_take_name(dict, "action", iaa_inject_names,
                              ARRAY_SIZE(iaa_inject_names), &action, errp) ||
        !iaa_inject_take_name(dict, "reset", iaa_halt_names,
                              ARRAY_SIZE(iaa_halt_names), &reset, errp)) {
        return false;
    }
    slot->regs[SLOT_REG(CONTROL)] = FIELD_DP32(0, IAA_SLOT_CONTROL, ACTION,
                                               action);
    slot->regs[SLOT_REG(STATUS)] = FIELD_DP32(0, IAA_SLOT_STATUS, RESET,
                                              reset);
    for (size_t i = 0; i < ARRAY_SIZE(iaa_inject_keys); i++) {
        const struct IAAInjectKey *key = &iaa_inject_keys[i];

        if (!iaa_inject_take_number(dict, key->name, key->initial,
                                    MAKE_64BIT_MASK(0, key->bits), &value,
                                    errp)) {
            return false;
        }
        slot->regs[key->reg] |= value << key->shift;
    }
    return true;
}

/* "slot=0,action=status,wq=1,code=0x42,skip=2,status=0x0a,error=18" */
static void iaa_inject_set_fault(Object *obj, const char *text, Error **errp)
{
    g_autoptr(QDict) dict = keyval_parse(text, NULL, NULL, errp);
    IAAInjectSlot slot = { };
    uint32_t index;

    if (!dict ||
        !iaa_inject_take_number(dict, "slot", 0, IAA_INJECT_SLOTS - 1, &index,
                                errp) ||
        !iaa_inject_take_slot(dict, &slot, errp)) {
        return;
    }
    if (qdict_size(dict)) {
        error_setg(errp, "'%s' is not a part of a fault",
                   qdict_first(dict)->key);
        return;
    }
    IAA(obj)->inject_slot[index] = slot;
}

static void iaa_slot_print(GString *text, unsigned index,
                           const IAAInjectSlot *slot)
{
    uint32_t action = FIELD_EX32(slot->regs[SLOT_REG(CONTROL)],
                                 IAA_SLOT_CONTROL, ACTION);
    const char *name = action < ARRAY_SIZE(iaa_inject_names) ?
                       iaa_inject_names[action] : NULL;

    g_string_append_printf(text, "%sslot=%u,action=%s,hits=%" PRIu32,
                           text->len ? ";" : "", index, name ?: "unknown",
                           slot->regs[SLOT_REG(HITS)]);
    for (size_t i = 0; i < ARRAY_SIZE(iaa_inject_keys); i++) {
        const struct IAAInjectKey *key = &iaa_inject_keys[i];

        g_string_append_printf(text, ",%s=0x%" PRIx32, key->name,
                               extract32(slot->regs[key->reg], key->shift,
                                         key->bits));
    }
}

/* All slots in use, with what is left of their numbers */
static char *iaa_inject_get_fault(Object *obj, Error **errp)
{
    IAAState *s = IAA(obj);
    GString *text = g_string_new("");

    for (unsigned i = 0; i < IAA_INJECT_SLOTS; i++) {
        if (s->inject_slot[i].regs[SLOT_REG(CONTROL)] &
            R_IAA_SLOT_CONTROL_ACTION_MASK) {
            iaa_slot_print(text, i, &s->inject_slot[i]);
        }
    }
    return g_string_free(text, false);
}

static void iaa_inject_set_halt(Object *obj, const char *text, Error **errp)
{
    uint32_t type;

    if (!DEVICE(obj)->realized) {
        error_setg(errp, "halt needs a device that is running");
        return;
    }
    if (iaa_inject_name(iaa_halt_names, ARRAY_SIZE(iaa_halt_names), text,
                        &type, errp)) {
        iaa_guard_enter(IAA(obj));
        iaa_cmd_halt(IAA(obj), type);
        iaa_guard_leave(IAA(obj));
    }
}

static char *iaa_inject_get_halt(Object *obj, Error **errp)
{
    uint32_t gensts = iaa_reg(IAA(obj), A_IAA_GENSTS);

    if (FIELD_EX32(gensts, IAA_GENSTS, STATE) != IAA_DEVICE_HALTED) {
        return g_strdup("");
    }
    return g_strdup(iaa_halt_names[FIELD_EX32(gensts, IAA_GENSTS,
                                              RESET_TYPE)]);
}

static void iaa_inject_set_gone(Object *obj, bool gone, Error **errp)
{
    if (!DEVICE(obj)->realized) {
        error_setg(errp, "gone needs a device that is running");
        return;
    }
    iaa_guard_enter(IAA(obj));
    iaa_pci_set_gone(IAA(obj), gone);
    iaa_guard_leave(IAA(obj));
}

static bool iaa_inject_get_gone(Object *obj, Error **errp)
{
    return IAA(obj)->gone;
}

/**
 * iaa_inject_class_init: add the properties
 * @klass: of the device
 *
 * They are not among the device's others because those are fixed once it is
 * realized.
 */
void iaa_inject_class_init(ObjectClass *klass)
{
    object_class_property_add_str(klass, "fault", iaa_inject_get_fault,
                                  iaa_inject_set_fault);
    object_class_property_set_description(klass, "fault",
        "arms a slot: slot, action, wq, code, skip, count, status, error, "
        "reset, mask, offset, delay");
    object_class_property_add_str(klass, "halt", iaa_inject_get_halt,
                                  iaa_inject_set_halt);
    object_class_property_set_description(klass, "halt",
        "halts the device, until a reset: software, flr, warm or cold");
    object_class_property_add_bool(klass, "gone", iaa_inject_get_gone,
                                   iaa_inject_set_gone);
    object_class_property_set_description(klass, "gone",
        "whether the device does not answer any more");
}
