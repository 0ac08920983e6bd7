/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test MOVDIR64B in system mode: with devices, pages and segments, over which
 * user mode has no control.
 *
 * The device is the I/O APIC.  It has an index register at 0x00, and at 0x10 a
 * window on the register that the index selects, both accessible with 32-bit
 * accesses only; so one 64-byte store to it can select a register and write it,
 * if and only if the parts arrive in ascending order and at least 4 bytes wide.
 */

#include <stdint.h>
#include <minilib.h>

#define IOAPIC_BASE         0xfec00000
#define IOAPIC_INDEX_QWORD  (0x00 / 8)
#define IOAPIC_WINDOW_QWORD (0x10 / 8)
#define IOAPIC_REDIR(pin)   (0x10 + 2 * (pin))
#define IOAPIC_MASKED       (1 << 16)
#define IOAPIC_PINS         24

#define APIC_ICR            0xfee00300
#define APIC_ICR_INIT       0xc4500     /* to all other CPUs */
#define APIC_ICR_STARTUP    0xc4600     /* or-ed with the page to start at */

#define STRINGIFY(x)  STRINGIFY_(x)
#define STRINGIFY_(x) #x

#define LINE_SIZE   64
#define LINE_QWORDS (LINE_SIZE / 8)

#define PAGE_2M     0x200000
#define PTE_2M      0xe3    /* present, writable, accessed, dirty, large */
#define PTE_ADDR    0xffffffffff000

/* Two adjacent virtual pages, in a gigabyte that is otherwise unused.  */
#define VIRT_BASE   0x40000000
#define VIRT_BORDER (VIRT_BASE + PAGE_2M)

/* RAM for them, in descending order so that the pages are never contiguous.  */
#define PHYS_FIRST  0x800000
#define PHYS_SECOND 0x400000

/* RAM for the test of segments; the source has a 16-bit address.  */
#define LOW_SRC     0x8000
#define ES_BASE     0xc00000
#define ES_OFFSET   0x1000

/* Where the second CPU starts, and where the GDT pointer is in that page.  */
#define AP_START    0x9000
#define AP_GDTR     0x9800
#define AP_PIN      1
#define AP_ROUNDS   100

/* The selectors for 64-bit code and flat data are those of the boot code.  */
#define SEL_CODE64  0x08
#define SEL_DATA    0x10
#define SEL_CODE32  0x18
#define SEL_ES      0x20

static const uint64_t gdt[] = {
    [SEL_CODE64 / 8] = 0x00af9b000000ffff,
    [SEL_DATA / 8]   = 0x00cf93000000ffff,
    [SEL_CODE32 / 8] = 0x00cf9b000000ffff,
    [SEL_ES / 8]     = 0x00cf93000000ffff | (uint64_t)ES_BASE << 16,
};

typedef struct FarPointer {
    uint32_t offset;
    uint16_t selector;
} __attribute__((packed)) FarPointer;

typedef struct TablePointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed)) TablePointer;

static uint64_t line[LINE_QWORDS] __attribute__((aligned(LINE_SIZE)));

static void movdir64b(uintptr_t dst, uintptr_t src)
{
    asm volatile("movdir64b (%1), %0" : : "r"(dst), "r"(src) : "memory");
}

/* volatile: device registers */
static volatile uint32_t *const ioapic_index = (void *)IOAPIC_BASE;
static volatile uint32_t *const ioapic_window = (void *)(IOAPIC_BASE + 0x10);
static volatile uint32_t *const apic_icr = (void *)APIC_ICR;

static uint32_t ioapic_read(uint32_t reg)
{
    *ioapic_index = reg;
    return *ioapic_window;
}

static uint64_t *page_table_entry(uint64_t *table, uintptr_t virt, int shift)
{
    return &table[(virt >> shift) & 511];
}

/* The boot code has mapped the first 4 GiB with 2 MiB pages.  */
static void map_2m(uintptr_t virt, uintptr_t phys)
{
    uint64_t *table;

    asm("mov %%cr3, %0" : "=r"(table));
    table = (uint64_t *)(*page_table_entry(table, virt, 39) & PTE_ADDR);
    table = (uint64_t *)(*page_table_entry(table, virt, 30) & PTE_ADDR);
    *page_table_entry(table, virt, 21) = phys | PTE_2M;
    asm volatile("invlpg (%0)" : : "r"(virt) : "memory");
}

static uint8_t pattern(int i)
{
    return i * 7 + 1;
}

static void fill_ioapic_line(uint64_t *l, uint32_t reg, uint32_t value)
{
    for (int i = 0; i < LINE_QWORDS; i++) {
        l[i] = 0;
    }
    l[IOAPIC_INDEX_QWORD] = reg;
    l[IOAPIC_WINDOW_QWORD] = value;
}

/* Write @value to the register @reg, with a single store.  */
static void ioapic_store(uint32_t reg, uint32_t value)
{
    fill_ioapic_line(line, reg, value);
    movdir64b(IOAPIC_BASE, (uintptr_t)line);
}

/* Test that the parts of a store reach a device in ascending order.  */
static int test_store_order(void)
{
    uint32_t before = IOAPIC_MASKED | 0x50;
    uint32_t after = IOAPIC_MASKED | 0x51;
    uint32_t stale, fresh;

    ioapic_store(IOAPIC_REDIR(1), before);
    ioapic_store(IOAPIC_REDIR(2), after);

    stale = ioapic_read(IOAPIC_REDIR(1));
    fresh = ioapic_read(IOAPIC_REDIR(2));
    if (stale != before || fresh != after) {
        ml_printf("store order: registers are %x and %x, not %x and %x\n",
                  stale, fresh, before, after);
        return 1;
    }
    return 0;
}

static int check_split(int before)
{
    const uint8_t *dst = (const uint8_t *)line;
    uint8_t *src = (uint8_t *)VIRT_BORDER - before;

    for (int i = 0; i < LINE_SIZE; i++) {
        src[i] = pattern(before + i);
    }
    movdir64b((uintptr_t)line, (uintptr_t)src);
    for (int i = 0; i < LINE_SIZE; i++) {
        if (dst[i] != pattern(before + i)) {
            ml_printf("split source: %d bytes in the first page, byte %d "
                      "is %x\n", before, i, dst[i]);
            return 1;
        }
    }
    return 0;
}

/* Test that a source can cross into a page whose memory is elsewhere.  */
static int test_split_source(void)
{
    map_2m(VIRT_BASE, PHYS_FIRST);
    map_2m(VIRT_BORDER, PHYS_SECOND);

    for (int before = 0; before <= LINE_SIZE; before++) {
        if (check_split(before)) {
            return 1;
        }
    }
    return 0;
}

/* Test that a source can begin in RAM and end in a device.  */
static int test_split_source_io(void)
{
    const int ram_qwords = LINE_QWORDS / 2;
    const uint32_t reg = IOAPIC_REDIR(3);
    uint64_t *ram = (uint64_t *)VIRT_BORDER - ram_qwords;

    map_2m(VIRT_BASE, PHYS_FIRST);
    map_2m(VIRT_BORDER, IOAPIC_BASE);

    for (int i = 0; i < ram_qwords; i++) {
        ram[i] = ~(uint64_t)i;
    }
    *ioapic_index = reg;
    movdir64b((uintptr_t)line, (uintptr_t)ram);

    for (int i = 0; i < ram_qwords; i++) {
        if (line[i] != ~(uint64_t)i) {
            ml_printf("split source with I/O: qword %d is %lx\n", i, line[i]);
            return 1;
        }
    }
    if ((uint32_t)line[ram_qwords + IOAPIC_INDEX_QWORD] != reg) {
        ml_printf("split source with I/O: index is %lx, not %x\n",
                  line[ram_qwords + IOAPIC_INDEX_QWORD], reg);
        return 1;
    }
    return 0;
}

/* Far functions in 32-bit code, by the size of their addresses.  */
extern const uint8_t movdir64b_addr32[], movdir64b_addr16[];

asm(".pushsection .text\n"
    ".code32\n"
    "movdir64b_addr32:\n\t"
    "movdir64b (%esi), %edi\n\t"
    "lret\n"
    "movdir64b_addr16:\n\t"
    "movdir64b (%si), %di\n\t"
    "lret\n"
    ".code64\n"
    ".popsection");

static void call_code32(const uint8_t *func, uint32_t dst, uint32_t src)
{
    const TablePointer gdtr = { sizeof(gdt) - 1, (uintptr_t)gdt };
    const FarPointer far = { (uintptr_t)func, SEL_CODE32 };

    asm volatile("lgdt %[gdtr]\n\t"
                 "mov %[es], %%es\n\t"
                 "lcall *%[far]\n\t"
                 "mov %[data], %%es"
                 : : [gdtr] "m"(gdtr), [far] "m"(far), [es] "r"(SEL_ES),
                     [data] "r"(SEL_DATA), "D"(dst), "S"(src)
                 : "memory");
}

static int check_es(const char *name, const uint8_t *func, uint32_t garbage)
{
    uint8_t *src = (uint8_t *)LOW_SRC;
    uint8_t *dst = (uint8_t *)ES_BASE + ES_OFFSET;

    for (int i = 0; i < LINE_SIZE; i++) {
        src[i] = pattern(i);
        dst[i] = 0;
    }
    call_code32(func, ES_OFFSET | garbage, LOW_SRC | garbage);
    for (int i = 0; i < LINE_SIZE; i++) {
        if (dst[i] != pattern(i)) {
            ml_printf("%s: byte %d is %x\n", name, i, dst[i]);
            return 1;
        }
    }
    return 0;
}

/* Test that outside 64-bit mode, the destination is relative to ES.  */
static int test_es(void)
{
    return check_es("32-bit address", movdir64b_addr32, 0) |
           check_es("16-bit address", movdir64b_addr16, 0xa5a50000);
}

/*
 * The second CPU.  It enters 32-bit mode and then stores ap_line to the I/O
 * APIC for as long as ap_go is set; if it does not, it sets ap_idle.  PAUSE
 * lets the first CPU run when both share a thread.
 */
extern const uint8_t ap_start[], ap_end[];
uint64_t ap_line[LINE_QWORDS] __attribute__((aligned(LINE_SIZE)));
volatile uint32_t ap_go, ap_idle;   /* volatile: shared by the CPUs */

asm(".pushsection .text\n"
    ".code16\n"
    "ap_start:\n\t"
    "cli\n\t"
    "mov %cs, %ax\n\t"
    "mov %ax, %ds\n\t"
    "lgdtl " STRINGIFY(AP_GDTR - AP_START) "\n\t"
    "mov %cr0, %eax\n\t"
    "or $1, %al\n\t"
    "mov %eax, %cr0\n\t"
    "ljmpl $" STRINGIFY(SEL_CODE32) ", $ap_code32\n"
    "ap_end:\n"
    ".code32\n"
    "ap_code32:\n\t"
    "mov $" STRINGIFY(SEL_DATA) ", %ax\n\t"
    "mov %ax, %ds\n\t"
    "mov %ax, %es\n\t"
    "mov $ap_line, %esi\n\t"
    "mov $" STRINGIFY(IOAPIC_BASE) ", %edi\n"
    "1:\n\t"
    "movl $1, ap_idle\n"
    "2:\n\t"
    "pause\n\t"
    "cmpl $0, ap_go\n\t"
    "je 2b\n\t"
    "movl $0, ap_idle\n"
    "3:\n\t"
    "movdir64b (%esi), %edi\n\t"
    "pause\n\t"
    "cmpl $0, ap_go\n\t"
    "jne 3b\n\t"
    "jmp 1b\n"
    ".code64\n"
    ".popsection");

static void ap_boot(void)
{
    uint8_t *dst = (uint8_t *)AP_START;

    for (int i = 0; i < ap_end - ap_start; i++) {
        dst[i] = ap_start[i];
    }
    *(TablePointer *)AP_GDTR = (TablePointer) {
        sizeof(gdt) - 1, (uintptr_t)gdt
    };
    *apic_icr = APIC_ICR_INIT;
    *apic_icr = APIC_ICR_STARTUP | AP_START >> 12;
}

static void ap_set_go(int go)
{
    ap_go = go;
    while (ap_idle == go) {
        asm volatile("pause");
    }
}

static int check_pins(int round)
{
    for (int pin = AP_PIN + 1; pin < IOAPIC_PINS; pin++) {
        uint32_t value = ioapic_read(IOAPIC_REDIR(pin));

        if (value != (IOAPIC_MASKED | round)) {
            ml_printf("mixed stores: round %x pin %d is %x\n", round, pin,
                      value);
            return 1;
        }
    }
    return 0;
}

/*
 * Test that stores of two CPUs to the same device do not mix.  If they do, the
 * value for one of our pins goes to the pin of the other CPU.
 */
static int test_mixed_stores(void)
{
    fill_ioapic_line(ap_line, IOAPIC_REDIR(AP_PIN), IOAPIC_MASKED);
    ap_boot();
    for (int round = 1; round <= AP_ROUNDS; round++) {
        ap_set_go(1);
        for (int pin = AP_PIN + 1; pin < IOAPIC_PINS; pin++) {
            ioapic_store(IOAPIC_REDIR(pin), IOAPIC_MASKED | round);
        }
        ap_set_go(0);
        if (check_pins(round)) {
            return 1;
        }
    }
    return 0;
}

int main(void)
{
    int failed = test_store_order();

    failed |= test_split_source();
    failed |= test_split_source_io();
    failed |= test_es();
    failed |= test_mixed_stores();
    ml_printf("Test complete: %s\n", failed ? "FAILED" : "PASSED");
    return failed;
}
