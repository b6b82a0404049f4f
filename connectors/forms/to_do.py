"""The words about rows that were left out: the field at fault, and what is to be done.

Each text is in Vietnamese and in English.
"""

FIELDS = {
    "value": ("giá trị", "value"),
    "indicator": ("chỉ tiêu", "indicator"),
    "org_unit": ("đơn vị hành chính", "org unit"),
    "period": ("kỳ báo cáo", "period"),
    "status": ("trạng thái", "status"),
    "unit": ("đơn vị tính", "unit of measure"),
    "measure": ("loại số liệu", "measure"),
    "dims": ("phân tổ", "breakdown"),
    "refused": ("biểu mẫu", "form"),
}
AT_THE_SOURCE = (
    "Đơn vị báo cáo sửa ở nguồn rồi gửi lại cả kỳ.",
    "The reporter corrects it at the source and sends the period again.",
)
TO_DO = {
    "V001": (
        "Mã sai: đơn vị báo cáo sửa rồi gửi lại. Mã đúng mà bảng ánh xạ chưa có: người viết ánh xạ bổ sung, "
        "hệ thống đọc lại.",
        "Correct a wrong code and send again. A right one that the mapping lacks: its author adds it, the hub replays.",
    ),
    "V002": (
        "Ghi lại ô này bằng số (không kèm chữ, ghi chú), rồi gửi lại. Số đúng mà cách ghi số khai sai: sửa ánh xạ.",
        "Write a number there, without words, and send again. Where it is one, the mapping's number locale is wrong.",
    ),
    "V003": (
        "Làm tròn đến sáu chữ số thập phân rồi gửi lại.",
        "Round it to six decimals and send again.",
    ),
    "V006": (
        "Giữ một dòng cho mỗi số liệu, bỏ dòng lặp, rồi gửi lại. Dòng đầu tiên đã được nhận.",
        "Keep one row for each figure and send again. The first of them was admitted.",
    ),
    "V013": (
        "Dùng đơn vị hành chính có trong kỳ báo cáo (trước hoặc sau sắp xếp), rồi gửi lại.",
        "Use the org unit that lived in the period, before or after the merger, and send again.",
    ),
    "V015": (
        "Chỉ báo cáo đơn vị hành chính và chỉ tiêu được giao. Nếu đã được giao: báo người vận hành sửa nghĩa vụ "
        "báo cáo.",
        "Report your own org units and indicators only. Where it is yours: the operator corrects the obligation.",
    ),
    "V019": (
        "Tải lại biểu mẫu, điền đúng dòng và ô cho phép, rồi gửi lại.",
        "Get the form again, fill only what it leaves open, and send again.",
    ),
}
STEPS = (
    (
        "Số liệu sai ở nguồn: đơn vị báo cáo sửa trong hệ thống hoặc tệp của mình rồi gửi lại cả kỳ; lần thu thập sau "
        "sẽ nhận bản mới.",
        "Wrong at the source: correct it there and send the whole period again; the next gather brings it.",
    ),
    (
        "Số liệu đúng nhưng hệ thống đọc chưa đúng (thiếu mã trong bảng ánh xạ, sai cột, sai cách ghi số): báo người "
        "viết ánh xạ. Ánh xạ sửa xong thì hệ thống đọc lại dữ liệu đã nhận, đơn vị không phải gửi lại.",
        "Right, but read wrongly: tell the mapping's author; once it is corrected, the hub replays what it has.",
    ),
    (
        "Danh sách này chỉ để tra cứu: không sửa số liệu tại đây và không gửi nó thay cho báo cáo.",
        "This list is never edited, and never sent in place of a report.",
    ),
)
