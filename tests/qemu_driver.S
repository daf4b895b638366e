// Driver that makes a static AArch64 Linux program of a kernel, without any library: tests/qemu.py builds and runs it.
//
//   read the number of fields of the argument block; for each field its kind, value and alignment
//   for each field: a number goes into the block; for a buffer map memory, read its contents, put its address there
//   make read-only buffers and the block read-only
//   fill the registers that a function must keep; KERNEL(block); compare them
//   write the contents of the writable buffers
//
// Standard input, in 64-bit little-endian words: the number of fields, three words a field, then as bytes the contents
// of every buffer in the order of the fields. Standard output: the final contents of every writable buffer, likewise.
//
//   kind  0 number            value: the number
//         1 read-only buffer  value: its bytes; alignment: of its first byte, a power of two up to 4096
//         2 writable buffer   the same
//
// A buffer lies against the end of its pages, between GUARD bytes that fault; a wild access ends the program with SIGSEGV.
//
// Exit status:
//   0         the kernel ran
//   2         standard input is no such call, standard output is closed, or there is no memory (1 is qemu's own)
//   18 to 29  the kernel did not keep x18 (which belongs to the platform) to x29
//   31        nor sp
//   40 to 47  nor d8 to d15
//
// General registers, outside the kernel:
//   x0 to x5, x8   arguments of system calls and of the functions below; only x0 changes in a system call
//   x9 to x11      scratch
//   x19            fields left                    x20            record of the next field
//   x21            slot of the next field in the argument block
//   x22, x23       kind and value of the field    x24            address of its buffer
//   x25, x26       pages of its buffer: address and bytes
//   x27, x28       pages of the argument block: address and bytes

.equ MOST_FIELDS,  64
.equ RECORD_BYTES, 24
.equ GUARD,        0x10000  // a multiple of every page size that Linux has on AArch64

.equ READ_ONLY, 1

.equ STATUS_FAILED, 2
.equ STATUS_SP,     31
.equ STATUS_D0,     32

// Numbers of system calls and constants: include/uapi/asm-generic of Linux.
.equ SYS_READ, 63
.equ SYS_WRITE, 64
.equ SYS_EXIT, 93
.equ SYS_MMAP, 222
.equ SYS_MPROTECT, 226
.equ PROT_NONE, 0
.equ PROT_READ, 1
.equ PROT_WRITE, 2
.equ MAP_PRIVATE, 2
.equ MAP_ANONYMOUS, 32

.macro ADDRESS register, symbol
    adrp  \register, \symbol
    add   \register, \register, :lo12:\symbol
.endm

.macro SYSTEM_CALL number
    mov   x8, #\number
    svc   #0
.endm

.bss
.p2align 4
field_count:    .skip 8
records:        .skip MOST_FIELDS * RECORD_BYTES
block:          .skip 8  // address of the argument block
kept_sp:        .skip 8
return_address: .skip 8

// One value for each register that is to be kept, x18 to x29 and d8 to d15; all differ, in both halves.
.section .rodata
.p2align 4
kept:
.irp number, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 40, 41, 42, 43, 44, 45, 46, 47
    .quad 0x0123456789ABCDE1 * \number
.endr

.text
.globl _start
.p2align 4
_start:
    ADDRESS x0, field_count
    mov   x1, #8
    bl    read_all
    ADDRESS x9, field_count
    ldr   x19, [x9]
    cmp   x19, #MOST_FIELDS
    b.hi  failed
    ADDRESS x0, records
    mov   x20, x0
    mov   x9, #RECORD_BYTES
    mul   x1, x19, x9
    bl    read_all

    lsl   x0, x19, #3
    mov   x1, #8
    bl    map_buffer
    mov   x21, x0
    mov   x27, x1
    mov   x28, x2
    ADDRESS x9, block
    str   x21, [x9]
    cbz   x19, .Lcall

// for each field: *slot++ = its number, or the address of its buffer
.Lfield:
    ldp   x22, x23, [x20]
    mov   x24, x23
    cbz   x22, .Lstore_field
    mov   x0, x23
    ldr   x1, [x20, #16]
    bl    map_buffer
    mov   x24, x0
    mov   x25, x1
    mov   x26, x2
    mov   x1, x23
    bl    read_all
    cmp   x22, #READ_ONLY
    b.ne  .Lstore_field
    mov   x0, x25
    mov   x1, x26
    mov   x2, #PROT_READ
    bl    protect
.Lstore_field:
    str   x24, [x21], #8
    add   x20, x20, #RECORD_BYTES
    subs  x19, x19, #1
    b.ne  .Lfield

.Lcall:
    mov   x0, x27
    mov   x1, x28
    mov   x2, #PROT_READ
    bl    protect
    bl    call_kernel

// for each field: if it is a writable buffer, write it
    ADDRESS x20, records
    ADDRESS x9, field_count
    ldr   x19, [x9]
    ADDRESS x9, block
    ldr   x21, [x9]
    cbz   x19, .Ldone
.Lwrite_field:
    ldp   x22, x23, [x20], #RECORD_BYTES
    ldr   x0, [x21], #8
    cmp   x22, #READ_ONLY
    b.ls  .Lnext_field
    mov   x1, x23
    bl    write_all
.Lnext_field:
    subs  x19, x19, #1
    b.ne  .Lwrite_field
.Ldone:
    mov   x0, #0
    b     exit

// ---- the call: KERNEL(block) with every register that it must keep filled; nothing here trusts the stack after it ----

.macro CHECK_KEPT register, status
    ldr   x10, [x9], #8
    cmp   x10, \register
    mov   x0, #\status
    b.ne  exit
.endm

.macro CHECK_D number
    fmov  x11, d\number
    CHECK_KEPT x11, (STATUS_D0 + \number)
.endm

call_kernel:
    ADDRESS x9, return_address
    str   x30, [x9]
    ADDRESS x9, kept_sp
    mov   x10, sp
    str   x10, [x9]
    ADDRESS x9, block
    ldr   x0, [x9]
    ADDRESS x9, kept
    .irp number, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        ldr   x\number, [x9], #8
    .endr
    .irp number, 8, 9, 10, 11, 12, 13, 14, 15
        ldr   d\number, [x9], #8
    .endr
    bl    KERNEL
    ADDRESS x9, kept
    .irp number, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        CHECK_KEPT x\number, \number
    .endr
    .irp number, 8, 9, 10, 11, 12, 13, 14, 15
        CHECK_D \number
    .endr
    ADDRESS x9, kept_sp
    mov   x11, sp
    CHECK_KEPT x11, STATUS_SP
    ADDRESS x9, return_address
    ldr   x30, [x9]
    ret

// ---- memory ----
//
// map_buffer(bytes, alignment) -> x0 its first byte, x1 its pages, x2 bytes of those
//
//   x2 = bytes rounded up to GUARD
//   map GUARD + x2 + GUARD inaccessible bytes; open those in the middle
//   x0 = (end of the middle - bytes) rounded down to the alignment

map_buffer:
    mov   x9, x0
    mov   x10, x1
    add   x11, x0, #(GUARD - 1) & 0xFFF
    add   x11, x11, #(GUARD - 1) & 0xFFF000
    and   x11, x11, #-GUARD
    mov   x0, #0
    add   x1, x11, #2 * GUARD
    mov   x2, #PROT_NONE
    mov   x3, #(MAP_PRIVATE | MAP_ANONYMOUS)
    mov   x4, #-1
    mov   x5, #0
    SYSTEM_CALL SYS_MMAP
    cmn   x0, #4095
    b.hs  failed
    add   x12, x0, #GUARD
    mov   x13, x30
    mov   x0, x12
    mov   x1, x11
    mov   x2, #(PROT_READ | PROT_WRITE)
    bl    protect
    mov   x30, x13
    add   x0, x12, x11
    sub   x0, x0, x9
    neg   x10, x10
    and   x0, x0, x10
    mov   x1, x12
    mov   x2, x11
    ret

// protect(pages, bytes, protection)
protect:
    SYSTEM_CALL SYS_MPROTECT
    cbnz  x0, failed
    ret

// ---- input and output; a call may move fewer bytes than it was asked for ----

// read_all(first, bytes)
read_all:
    mov   x9, x0
    mov   x10, x1
1:
    cbz   x10, 2f
    mov   x0, #0
    mov   x1, x9
    mov   x2, x10
    SYSTEM_CALL SYS_READ
    cmp   x0, #0
    b.le  failed
    add   x9, x9, x0
    sub   x10, x10, x0
    b     1b
2:
    ret

// write_all(first, bytes)
write_all:
    mov   x9, x0
    mov   x10, x1
1:
    cbz   x10, 2f
    mov   x0, #1
    mov   x1, x9
    mov   x2, x10
    SYSTEM_CALL SYS_WRITE
    cmp   x0, #0
    b.le  failed
    add   x9, x9, x0
    sub   x10, x10, x0
    b     1b
2:
    ret

failed:
    mov   x0, #STATUS_FAILED
exit:
    SYSTEM_CALL SYS_EXIT
