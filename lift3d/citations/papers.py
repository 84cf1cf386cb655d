"""The papers that methods of lift3d were written from, and those of the datasets and bodies it reads."""

from typing import Final

from lift3d.citations.paper import Paper

__all__ = ["PAPERS"]

PAPERS: Final[dict[str, Paper]] = {
    paper.key: paper
    for paper in (
        # Lifting and regressing.
        Paper("martinez2017simple", "Julieta Martinez; Rayat Hossain; Javier Romero; James J. Little",
              "A Simple Yet Effective Baseline for 3D Human Pose Estimation", "ICCV", 2017,
              arxiv="1705.03098"),
        Paper("chen2017matching", "Ching-Hang Chen; Deva Ramanan",
              "3D Human Pose Estimation = 2D Pose Estimation + Matching", "CVPR", 2017,
              arxiv="1612.06524"),
        Paper("pavllo2019video", "Dario Pavllo; Christoph Feichtenhofer; David Grangier; Michael Auli",
              "3D Human Pose Estimation in Video with Temporal Convolutions and Semi-Supervised "
              "Training",
              "CVPR", 2019, arxiv="1811.11742"),
        Paper("zhou2019continuity", "Yi Zhou; Connelly Barnes; Jingwan Lu; Jimei Yang; Hao Li",
              "On the Continuity of Rotation Representations in Neural Networks", "CVPR", 2019,
              arxiv="1812.07035"),
        Paper("bogo2016keep", "Federica Bogo; Angjoo Kanazawa; Christoph Lassner; Peter Gehler; "
              "Javier Romero; Michael J. Black",
              "Keep It SMPL: Automatic Estimation of 3D Human Pose and Shape from a Single Image",
              "ECCV", 2016, arxiv="1607.08128"),
        Paper("featherstone2005efficient", "Roy Featherstone", "Efficient Factorization of the "
              "Joint-Space Inertia Matrix for Branched Kinematic Trees", "IJRR", 2005, "24(6)",
              "487-500", "10.1177/0278364905054928"),
        # Detectors.
        Paper("bazarevsky2020blazepose", "Valentin Bazarevsky; Ivan Grishchenko; Karthik Raveendran; "
              "Tyler Zhu; Fan Zhang; Matthias Grundmann",
              "BlazePose: On-Device Real-Time Body Pose Tracking", "arXiv", 2020, arxiv="2006.10204"),
        Paper("jiang2023rtmpose", "Tao Jiang; Peng Lu; Li Zhang; Ningsheng Ma; Rui Han; Chengqi Lyu; "
              "Yining Li; Kai Chen", "RTMPose: Real-Time Multi-Person Pose Estimation Based on MMPose",
              "arXiv", 2023, arxiv="2303.07399"),
        Paper("he2017mask", "Kaiming He; Georgia Gkioxari; Piotr Dollár; Ross Girshick", "Mask R-CNN",
              "ICCV", 2017, arxiv="1703.06870"),
        # Bodies.
        Paper("loper2015smpl", "Matthew Loper; Naureen Mahmood; Javier Romero; Gerard Pons-Moll; "
              "Michael J. Black", "SMPL: A Skinned Multi-Person Linear Model", "TOG", 2015, "34(6)",
              "248:1-248:16", "10.1145/2816795.2818013"),
        Paper("romero2017embodied", "Javier Romero; Dimitrios Tzionas; Michael J. Black",
              "Embodied Hands: Modeling and Capturing Hands and Bodies Together", "TOG", 2017, "36(6)",
              doi="10.1145/3130800.3130883"),
        Paper("pavlakos2019expressive", "Georgios Pavlakos; Vasileios Choutas; Nima Ghorbani; "
              "Timo Bolkart; Ahmed A. A. Osman; Dimitrios Tzionas; Michael J. Black",
              "Expressive Body Capture: 3D Hands, Face, and Body from a Single Image", "CVPR", 2019,
              arxiv="1904.05866"),
        Paper("li2017learning", "Tianye Li; Timo Bolkart; Michael J. Black; Hao Li; Javier Romero",
              "Learning a Model of Facial Shape and Expression from 4D Scans", "TOG", 2017, "36(6)",
              "194:1-194:17", "10.1145/3130800.3130813"),
        Paper("bregier2025human", "Romain Brégier; Guénolé Fiche; Laura Bravo-Sánchez; Thomas Lucas; "
              "Matthieu Armando; Philippe Weinzaepfel; Grégory Rogez; Fabien Baradel",
              "Human Mesh Modeling for Anny Body", "arXiv", 2025, arxiv="2511.03589"),
        # Datasets.
        Paper("vonmarcard2018recovering", "Timo von Marcard; Roberto Henschel; Michael J. Black; "
              "Bodo Rosenhahn; Gerard Pons-Moll",
              "Recovering Accurate 3D Human Pose in the Wild Using IMUs and a Moving Camera",
              "ECCV", 2018),
        Paper("li2021aist", "Ruilong Li; Shan Yang; David A. Ross; Angjoo Kanazawa",
              "AI Choreographer: Music Conditioned 3D Dance Generation with AIST++", "ICCV", 2021,
              arxiv="2101.08779"),
        Paper("mahmood2019amass",
              "Naureen Mahmood; Nima Ghorbani; Nikolaus F. Troje; Gerard Pons-Moll; "
              "Michael J. Black", "AMASS: Archive of Motion Capture as Surface Shapes", "ICCV", 2019,
              arxiv="1904.03278"),
        Paper("lin2014microsoft", "Tsung-Yi Lin; Michael Maire; Serge Belongie; James Hays; "
              "Pietro Perona; Deva Ramanan; Piotr Dollár; C. Lawrence Zitnick",
              "Microsoft COCO: Common Objects in Context", "ECCV", 2014, arxiv="1405.0312"),
        Paper("li2019crowdpose", "Jiefeng Li; Can Wang; Hao Zhu; Yihuan Mao; Hao-Shu Fang; Cewu Lu",
              "CrowdPose: Efficient Crowded Scenes Pose Estimation and a New Benchmark", "CVPR", 2019,
              arxiv="1812.00324"),
        Paper("guler2018densepose", "R\u0131za Alp Güler; Natalia Neverova; Iasonas Kokkinos",
              "DensePose: Dense Human Pose Estimation in the Wild", "CVPR", 2018, arxiv="1802.00434"),
        Paper("zhu2023h3wb", "Yue Zhu; Nermin Samet; David Picard",
              "H3WB: Human3.6M 3D WholeBody Dataset and Benchmark", "ICCV", 2023, arxiv="2211.15692"),
        Paper("jin2020whole", "Sheng Jin; Lumin Xu; Jin Xu; Can Wang; Wentao Liu; Chen Qian; "
              "Wanli Ouyang; Ping Luo", "Whole-Body Human Pose Estimation in the Wild", "ECCV", 2020,
              arxiv="2007.11858"),
        Paper("ionescu2014human36m",
              "Catalin Ionescu; Dragos Papava; Vlad Olaru; Cristian Sminchisescu",
              "Human3.6M: Large Scale Datasets and Predictive Methods for 3D Human Sensing in Natural "
              "Environments", "TPAMI", 2014, "36(7)", "1325-1339", "10.1109/TPAMI.2013.248"),
        Paper("vakanski2018data", "Aleksandar Vakanski; Hyung-pil Jun; David Paul; Russell Baker",
              "A Data Set of Human Body Movements for Physical Rehabilitation Exercises", "Data", 2018,
              "3(1)", "2", "10.3390/data3010002"),
        Paper("mehta2017monocular", "Dushyant Mehta; Helge Rhodin; Dan Casas; Pascal Fua; "
              "Oleksandr Sotnychenko; Weipeng Xu; Christian Theobalt", "Monocular 3D Human Pose "
              "Estimation in the Wild Using Improved CNN Supervision", "3DV", 2017, arxiv="1611.09813"),
        Paper("andriluka2014human",
              "Mykhaylo Andriluka; Leonid Pishchulin; Peter Gehler; Bernt Schiele",
              "2D Human Pose Estimation: New Benchmark and State of the Art Analysis", "CVPR", 2014),
        # Metrics.
        Paper("rhodin2018learning", "Helge Rhodin; Jörg Spörri; Isinsu Katircioglu; Victor Constantin; "
              "Frédéric Meyer; Erich Müller; Mathieu Salzmann; Pascal Fua",
              "Learning Monocular 3D Human Pose Estimation from Multi-View Images", "CVPR", 2018,
              arxiv="1803.04775"),
        Paper("umeyama1991least", "Shinji Umeyama", "Least-Squares Estimation of Transformation "
              "Parameters Between Two Point Patterns", "TPAMI", 1991, "13(4)", "376-380",
              "10.1109/34.88573"),
        Paper("kanazawa2019learning", "Angjoo Kanazawa; Jason Y. Zhang; Panna Felsen; Jitendra Malik",
              "Learning 3D Human Dynamics from Video", "CVPR", 2019, arxiv="1812.01601"),
        Paper("kanazawa2018end", "Angjoo Kanazawa; Michael J. Black; David W. Jacobs; Jitendra Malik",
              "End-to-End Recovery of Human Shape and Pose", "CVPR", 2018, arxiv="1712.06584"),
        Paper("pavlakos2018learning", "Georgios Pavlakos; Luyang Zhu; Xiaowei Zhou; Kostas Daniilidis",
              "Learning to Estimate 3D Human Pose and Shape from a Single Color Image", "CVPR", 2018,
              arxiv="1805.04092"),
        Paper("shan2023diffusion", "Wenkang Shan; Zhenhua Liu; Xinfeng Zhang; Zhao Wang; Kai Han; "
              "Shanshe Wang; Siwei Ma; Wen Gao",
              "Diffusion-Based 3D Human Pose Estimation with Multi-Hypothesis Aggregation", "ICCV",
              2023,
              arxiv="2303.11579"),
        Paper("yang2013articulated", "Yi Yang; Deva Ramanan",
              "Articulated Human Detection with Flexible Mixtures of Parts", "TPAMI", 2013, "35(12)",
              "2878-2890", "10.1109/TPAMI.2012.261"),
        Paper("ristani2016performance", "Ergys Ristani; Francesco Solera; Roger Zou; Rita Cucchiara; "
              "Carlo Tomasi",
              "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
              "ECCVW", 2016, arxiv="1609.01775"),
        Paper("bernardin2008evaluating", "Keni Bernardin; Rainer Stiefelhagen",
              "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", "EURASIP", 2008,
              doi="10.1155/2008/246309"),
        # Tracking and time.
        Paper("taylor2000reconstruction", "Camillo J. Taylor", "Reconstruction of Articulated Objects "
              "from Point Correspondences in a Single Uncalibrated Image", "CVIU", 2000, "80(3)",
              "349-363", "10.1006/cviu.2000.0878"),
        Paper("xiao2018simple", "Bin Xiao; Haiping Wu; Yichen Wei",
              "Simple Baselines for Human Pose Estimation and Tracking", "ECCV", 2018,
              arxiv="1804.06208"),
        Paper("xiu2018pose", "Yuliang Xiu; Jiefeng Li; Haoyu Wang; Yinghong Fang; Cewu Lu",
              "Pose Flow: Efficient Online Pose Tracking", "BMVC", 2018, arxiv="1802.00977"),
        Paper("kuhn1955hungarian", "Harold W. Kuhn", "The Hungarian Method for the Assignment Problem",
              "NRLQ", 1955, "2(1-2)", "83-97", "10.1002/nav.3800020109"),
        Paper("viterbi1967error", "Andrew J. Viterbi", "Error Bounds for Convolutional Codes and an "
              "Asymptotically Optimum Decoding Algorithm", "TIT", 1967, "13(2)", "260-269",
              "10.1109/TIT.1967.1054010"),
        Paper("fang2017rmpe", "Hao-Shu Fang; Shuqin Xie; Yu-Wing Tai; Cewu Lu",
              "RMPE: Regional Multi-Person Pose Estimation", "ICCV", 2017, arxiv="1612.00137"),
        Paper("bodla2017soft", "Navaneeth Bodla; Bharat Singh; Rama Chellappa; Larry S. Davis",
              "Soft-NMS - Improving Object Detection with One Line of Code", "ICCV", 2017,
              arxiv="1704.04503"),
        Paper("casiez2012filter", "Géry Casiez; Nicolas Roussel; Daniel Vogel", "1€ Filter: A Simple "
              "Speed-Based Low-Pass Filter for Noisy Input in Interactive Systems", "CHI", 2012,
              doi="10.1145/2207676.2208639"),
        Paper("kalman1960new", "Rudolf E. Kalman", "A New Approach to Linear Filtering and Prediction "
              "Problems", "JBE", 1960, "82(1)", "35-45", "10.1115/1.3662552"),
        Paper("rauch1965maximum", "Herbert E. Rauch; F. Tung; Charlotte T. Striebel",
              "Maximum Likelihood Estimates of Linear Dynamic Systems", "AIAA", 1965, "3(8)",
              "1445-1450",
              "10.2514/3.3166"),
        Paper("holland1977robust", "Paul W. Holland; Roy E. Welsch",
              "Robust Regression Using Iteratively Reweighted Least-Squares", "CommStat", 1977, "6(9)",
              "813-827", "10.1080/03610927708827533"),
        # Decoders.
        Paper("tompson2014joint", "Jonathan Tompson; Arjun Jain; Yann LeCun; Christoph Bregler",
              "Joint "
              "Training of a Convolutional Network and a Graphical Model for Human Pose Estimation",
              "NIPS", 2014, arxiv="1406.2984"),
        Paper("newell2016stacked", "Alejandro Newell; Kaiyu Yang; Jia Deng",
              "Stacked Hourglass Networks for Human Pose Estimation", "ECCV", 2016, arxiv="1603.06937"),
        Paper("zhang2020distribution", "Feng Zhang; Xiatian Zhu; Hanbin Dai; Mao Ye; Ce Zhu",
              "Distribution-Aware Coordinate Representation for Human Pose Estimation", "CVPR", 2020,
              arxiv="1910.06278"),
        Paper("sun2018integral", "Xiao Sun; Bin Xiao; Fangyin Wei; Shuang Liang; Yichen Wei",
              "Integral Human Pose Regression", "ECCV", 2018, arxiv="1711.08229"),
        Paper("toshev2014deeppose", "Alexander Toshev; Christian Szegedy",
              "DeepPose: Human Pose Estimation via Deep Neural Networks", "CVPR", 2014,
              arxiv="1312.4659"),
        Paper("huang2020devil", "Junjie Huang; Zheng Zhu; Feng Guo; Guan Huang", "The Devil Is in the "
              "Details: Delving into Unbiased Data Processing for Human Pose Estimation", "CVPR", 2020,
              arxiv="1911.07524"),
        Paper("li2022simcc", "Yanjie Li; Sen Yang; Peidong Liu; Shoukui Zhang; Yunxiao Wang; "
              "Zhicheng Wang; Wankou Yang; Shu-Tao Xia", "SimCC: A Simple Coordinate Classification "
              "Perspective for Human Pose Estimation", "ECCV", 2022, arxiv="2107.03332"),
        Paper("wei2016convolutional", "Shih-En Wei; Varun Ramakrishna; Takeo Kanade; Yaser Sheikh",
              "Convolutional Pose Machines", "CVPR", 2016, arxiv="1602.00134"),
        Paper("cao2017realtime", "Zhe Cao; Tomas Simon; Shih-En Wei; Yaser Sheikh",
              "Realtime Multi-Person 2D Pose Estimation Using Part Affinity Fields", "CVPR", 2017,
              arxiv="1611.08050"),
        Paper("cao2021openpose", "Zhe Cao; Gines Hidalgo; Tomas Simon; Shih-En Wei; Yaser Sheikh",
              "OpenPose: Realtime Multi-Person 2D Pose Estimation Using Part Affinity Fields", "TPAMI",
              2021, "43(1)", "172-186", "10.1109/TPAMI.2019.2929257", "1812.08008"),
        Paper("newell2017associative", "Alejandro Newell; Zhiao Huang; Jia Deng",
              "Associative Embedding: End-to-End Learning for Joint Detection and Grouping",
              "NIPS", 2017,
              arxiv="1611.05424"),
        Paper("papandreou2017towards", "George Papandreou; Tyler Zhu; Nori Kanazawa; Alexander Toshev; "
              "Jonathan Tompson; Chris Bregler; Kevin Murphy",
              "Towards Accurate Multi-Person Pose Estimation in the Wild", "CVPR", 2017,
              arxiv="1701.01779"),
        Paper("geng2021bottom", "Zigang Geng; Ke Sun; Bin Xiao; Zhaoxiang Zhang; Jingdong Wang",
              "Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression", "CVPR", 2021,
              arxiv="2104.02300"),
        Paper("pfister2015flowing", "Tomas Pfister; James Charles; Andrew Zisserman",
              "Flowing ConvNets for Human Pose Estimation in Videos", "ICCV", 2015, arxiv="1506.02897"),
        Paper("sun2021monocular", "Yu Sun; Qian Bao; Wu Liu; Yili Fu; Michael J. Black; Tao Mei",
              "Monocular, One-Stage, Regression of Multiple 3D People", "ICCV", 2021,
              arxiv="2008.12272"),
        # Drawing and joint angles.
        Paper("luft2006image", "Thomas Luft; Carsten Colditz; Oliver Deussen",
              "Image Enhancement by Unsharp Masking the Depth Buffer", "TOG", 2006, "25(3)",
              "1206-1213",
              "10.1145/1141911.1142016"),
        Paper("rajagopal2016full", "Apoorva Rajagopal; Christopher L. Dembia; Matthew S. DeMers; "
              "Denny D. Delp; Jennifer L. Hicks; Scott L. Delp", "Full-Body Musculoskeletal Model for "
              "Muscle-Driven Simulation of Human Gait", "TBME", 2016, "63(10)", "2068-2079",
              "10.1109/TBME.2016.2586891"),
    )
}  # fmt: skip
"""By key. Only what is certain: an empty DOI or arXiv number means that nobody looked it up."""
